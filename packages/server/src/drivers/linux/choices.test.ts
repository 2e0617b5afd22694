// The driver's decisions, as functions of what they are told.

import { describe, expect, it } from 'vitest'
import { Place, python } from '../../../test/linux/support.ts'
import { explain } from './explain.ts'
import { findPythons } from './find-python.ts'
import { restartPauseMs } from './launcher-keeper.ts'
import { nftRules } from './nft-rules.ts'
import { usableResolvers } from './resolvers.ts'
import { countsProcessesPerNamespace } from './rootless.ts'
import { UidPool, uidRange } from './uid-pool.ts'

describe('user ids', () => {
  const whole = '         0          0 4294967295\n'

  it('come from a range of the server’s own, clear of users and containers', () => {
    const one = uidRange('00000001', whole)
    const two = uidRange('00000002', whole)
    expect(one).toEqual({ first: 1_900_100_000, count: 100_000 })
    expect(two.first).toBe(one.first + one.count)
    const last = uidRange('ffffffff', whole)
    expect(last.first + last.count).toBeLessThan(2 ** 31)
  })

  it('come from the upper half where only some exist', () => {
    expect(uidRange('00000001', '0 100000 65536\n')).toEqual({ first: 32_768, count: 32_768 })
    expect(uidRange('00000001', '0 1000 1\n1 100000 1000\n')).toEqual({ first: 501, count: 500 })
  })

  it('are never lent twice at a time', () => {
    const pool = new UidPool({ first: 10, count: 2 })
    expect([pool.take(), pool.take()]).toEqual([10, 11])
    expect(() => pool.take()).toThrow(/all 2 user ids/)
    pool.giveBack(10)
    expect(pool.take()).toBe(10)
  })
})

describe('explanations', () => {
  const settings = (closed: Record<string, string>) => (file: string) => closed[file] ?? null
  const fault = '[Errno 1] unshare user namespace: Operation not permitted'

  it('name the setting that closes user namespaces', () => {
    expect(explain(fault, true, settings({ '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1' }))).toMatch(
      /may not make user namespaces .*sysctl kernel.apparmor_restrict_unprivileged_userns=0/,
    )
    expect(explain(fault, true, settings({ '/proc/sys/user/max_user_namespaces': '0' }))).toMatch(
      /sysctl user.max_user_namespaces=/,
    )
    expect(explain(fault, true, settings({}))).toMatch(/a security module or the container/)
  })

  it('name what a container lacks', () => {
    expect(explain('mount tmpfs: Operation not permitted', false)).toMatch(/CAP_SYS_ADMIN/)
  })

  it('leave alone what is clear', () => {
    expect(explain('No space left on device', false)).toBe('No space left on device')
  })
})

describe('a refusal by the probe', () => {
  it.runIf(process.getuid?.() === 0)('is what root without control groups gets', async () => {
    const place = new Place({ cgroups: { host: null, reason: 'cgroup v2: not mounted' } })
    expect(await place.driver.probe()).toMatchObject({
      available: false,
      reason: 'no usable control groups, so no limits: cgroup v2: not mounted',
    })
    expect(await place.close()).toEqual([])
  })

  it('says that a Python is missing, broken or too old', async () => {
    const place = new Place({ python: '/bin/false' })
    const report = await place.driver.probe()
    expect(report).toMatchObject({ available: false, startMs: null })
    expect(report.reason).toMatch(/sandbox could not be started/)
    await place.close()
  })

  it('repeats what the runtime said when it died', async () => {
    const place = new Place({ runtimes: { list: () => [{ ...python, flags: ['-c', 'raise SystemExit("no luck")'] }] } })
    expect((await place.driver.probe()).reason).toMatch(/exited with code 1 before it was ready: no luck/)
    expect(await place.close()).toEqual([])
  })
})

it('the system’s Python goes first, then a runtime’s, then the path’s', () => {
  const runtime = { ...python, interpreter: '/bin/sh' }
  expect(findPythons([runtime], '', ['/bin/ls'])).toEqual(['/bin/ls', '/bin/sh'])
  expect(findPythons([runtime], '', ['/no/such', '/bin/sh'])).toEqual(['/bin/sh'])
  expect(findPythons([], '/no/such::relative', ['/no/such'])).toEqual([])
})

it('name servers of the host are used unless they are the host', () => {
  const stub = 'nameserver 127.0.0.53\noptions edns0\n'
  const real = 'nameserver 10.0.0.2\nnameserver fe80::1\nnameserver 10.0.0.2\nnameserver 192.168.1.1\n'
  expect(usableResolvers([stub, real], new Set(['192.168.1.1']))).toEqual(['10.0.0.2'])
  expect(usableResolvers([stub], new Set())).toEqual([])
})

it('the packet filter forbids before it allows, but for name servers', () => {
  const rules = nftRules({ table: 't', linkPrefix: 'h1-', block: '198.18.0.0/21', resolvers: ['10.0.0.2'] })
  expect(rules.indexOf('ip daddr { 10.0.0.2 } meta l4proto { tcp, udp } th dport 53 accept')).toBeGreaterThan(0)
  expect(rules.indexOf('10.0.0.0/8')).toBeGreaterThan(rules.indexOf('10.0.0.2'))
  expect(rules).toContain('169.254.0.0/16')
})

it('a launcher that keeps dying is started ever more slowly', () => {
  expect([0, 1, 2, 3, 20].map(restartPauseMs)).toEqual([0, 100, 200, 400, 5_000])
})

it('processes are counted for each sandbox from Linux 5.14 on', () => {
  expect(['5.13.19', '5.14.0-rc1', '6.1.0', '4.19'].map(countsProcessesPerNamespace)).toEqual([
    false,
    true,
    true,
    false,
  ])
})
