// Against the real hierarchy of this machine; needs root.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { Cgroup, CgroupLimits } from './cgroup.ts'
import { detectCgroups } from './detect-cgroups.ts'

const MIB = 1024 * 1024
const roomy: CgroupLimits = { memoryBytes: 256 * MIB, cpus: 1, processes: 64 }
const { host, reason } = detectCgroups()
const prefix = `hearth/test-cgroup-${process.pid}`
const children: ChildProcess[] = []
let serial = 0

const run = (group: Cgroup, script: string): ChildProcess => {
  const join = group.joinFiles.map((file) => `echo 0 > ${file}`).join(' && ')
  const child = spawn('/bin/sh', ['-c', `${join} && echo in && {\n${script}\n}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  children.push(child)
  return child
}
const running = async (group: Cgroup, script: string): Promise<ChildProcess> => {
  const child = run(group, script)
  if (child.stdout) await once(child.stdout, 'data')
  return child
}
const until = async (what: () => boolean) => {
  for (let tries = 0; !what(); tries++) {
    if (tries > 1_000) throw new Error(`never: ${what}`)
    await sleep(5)
  }
}
/** Only those of control groups: the test runner opens and closes files of its own. */
const openFiles = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('/sys/fs/cgroup/')
    } catch {
      return false
    }
  }).length

describe.skipIf(host === null)(`control groups${host === null ? ` (skipped: ${reason})` : ` v${host.version}`}`, () => {
  if (host === null) return
  const create = (limits: Partial<CgroupLimits> = {}) =>
    host.create(`${prefix}/group-${serial++}`, { ...roomy, ...limits })
  const control = (group: Cgroup, ...files: string[]) => {
    const found = group.joinFiles.map(dirname).flatMap((dir) => files.map((file) => `${dir}/${file}`))
    return readFileSync(found.find(existsSync) ?? 'missing', 'utf8').trim()
  }
  const memoryLimit = (group: Cgroup) => Number(control(group, 'memory.limit_in_bytes', 'memory.max'))

  const isFrozen = (group: Cgroup) =>
    host.version === 1 ? control(group, 'freezer.state') === 'FROZEN' : /frozen 1/.test(control(group, 'cgroup.events'))

  afterEach(async () => {
    await host.removeTree(prefix)
    expect(host.list(prefix)).toEqual([])
    for (const child of children.splice(0)) {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  })

  it('puts every limit in force before the group can be joined, swap included', async () => {
    const group = create({ memoryBytes: 96 * MIB, cpus: 0.25, processes: 7 })
    expect(memoryLimit(group)).toBe(96 * MIB)
    expect(control(group, 'pids.max')).toBe('7')
    if (host.version === 1) {
      expect(control(group, 'cpu.cfs_quota_us')).toBe('5000')
      expect(control(group, 'cpu.cfs_period_us')).toBe('20000')
    } else {
      expect(control(group, 'cpu.max')).toBe('5000 20000')
      expect(control(group, 'memory.oom.group')).toBe('1')
    }
    await group.remove()
  })

  it('raises and lowers limits, memory with and without swap alike', async () => {
    const group = create({ memoryBytes: 96 * MIB })
    for (const memoryBytes of [512 * MIB, 64 * MIB, 64 * MIB, 128 * MIB]) {
      group.setLimits({ ...roomy, memoryBytes, cpus: 0.01 })
      expect(memoryLimit(group)).toBe(memoryBytes)
      if (host.version === 1 && existsSync('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes'))
        expect(Number(control(group, 'memory.memsw.limit_in_bytes'))).toBe(memoryBytes)
    }
    await group.remove()
  })

  it('counts memory, processor time and kills for want of memory', async () => {
    const group = create({ memoryBytes: 32 * MIB })
    const child = run(group, 'exec python3 -c "x = bytearray(200 << 20)"')
    await once(child, 'exit')
    expect(child.signalCode).toBe('SIGKILL')
    const stats = group.stats()
    expect(stats.oomKills).toBe(1)
    expect(stats.memoryMaxBytes).toBeGreaterThan(16 * MIB)
    expect(stats.memoryMaxBytes).toBeLessThanOrEqual(32 * MIB)
    expect(stats.cpuMicros).toBeGreaterThan(0)
    await group.remove()
  })

  it('stops a busy process and lets it go on', async () => {
    const group = create()
    await running(group, 'while :; do :; done')
    group.freeze()
    await until(() => isFrozen(group))
    const before = group.stats().cpuMicros
    await sleep(100)
    expect(group.stats().cpuMicros).toBe(before)
    group.thaw()
    await until(() => group.stats().cpuMicros > before)
    await group.remove()
  })

  it('kills what is inside, frozen or deaf to SIGTERM or forking without end', async () => {
    const group = create({ processes: 40 })
    await running(group, 'trap "" TERM; while :; do (sleep 30 &) ; done 2>/dev/null')
    group.freeze()
    group.kill()
    await group.remove()
    expect(group.processes()).toEqual([])
    expect(host.list(prefix)).toEqual([])
  })

  it('refuses more processes than allowed', async () => {
    const group = create({ processes: 3 })
    const child = run(group, 'sleep 9 & sleep 9 & sleep 9 & sleep 9 & wait')
    await once(child, 'exit')
    expect(child.exitCode).toBe(2)
    expect(group.processes()).toHaveLength(2)
    await group.remove()
  })

  it('keeps no file open after removal, also when removed twice or never created', async () => {
    const before = openFiles()
    const group = create()
    expect(openFiles()).toBeGreaterThan(before)
    await Promise.all([group.remove(), group.remove()])
    expect(() => host.create(`${prefix}/refused`, { ...roomy, memoryBytes: Number.NaN })).toThrow(/refused/)
    expect(host.list(prefix)).toEqual([])
    await until(() => openFiles() === before)
    expect(() => group.stats()).toThrow(/has been removed/)
  })

  it('refuses a name in use, leaving the group that has it alone', async () => {
    const group = create()
    await running(group, 'exec sleep 30')
    expect(() => host.create(group.name, roomy)).toThrow(/EEXIST/)
    expect(group.processes()).toHaveLength(1)
    await group.remove()
  })

  it('removes a whole tree of groups it did not make itself, and says how much it was', async () => {
    const groups = [create(), create()]
    for (const group of groups) await running(group, 'exec sleep 30')
    groups[1]?.freeze()
    expect(detectCgroups().host?.list(prefix).sort()).toEqual(groups.map((group) => group.name).sort())
    expect(await detectCgroups().host?.removeTree(prefix)).toEqual({ processes: 2, cgroups: 2 })
    expect(host.list(prefix)).toEqual([])
    for (const group of groups) await group.remove()
  })
})
