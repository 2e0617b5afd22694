import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cpuBandwidth } from './cpu-bandwidth.ts'
import { detectCgroups } from './detect-cgroups.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hearth cgroups '))
})
afterEach(() => rmSync(root, { recursive: true }))

const point = (name: string) => {
  mkdirSync(join(root, name), { recursive: true })
  return join(root, name).replaceAll(' ', '\\040')
}
const v1 = (...controllers: string[]) =>
  controllers.map((name) => `cgroup ${point(name)} cgroup rw,nosuid,nodev,noexec,relatime,${name} 0 0`).join('\n')
const v2 = (name: string, controllers: string) => {
  const mount = `cgroup2 ${point(name)} cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0`
  writeFileSync(join(root, name, 'cgroup.controllers'), `${controllers}\n`)
  writeFileSync(join(root, name, 'cgroup.subtree_control'), '')
  return mount
}

describe('detectCgroups', () => {
  it('takes version 1 where its controllers are mounted one by one beside an empty cgroup2', () => {
    const mounts = [
      'proc /proc proc rw 0 0',
      v1('cpu', 'cpuacct', 'memory', 'freezer', 'pids'),
      v2('unified', 'hugetlb'),
    ]
    expect(detectCgroups(mounts.join('\n')).host?.version).toBe(1)
  })

  it('takes version 1 with cpu and cpuacct on one mount', () => {
    expect(detectCgroups(v1('cpu,cpuacct', 'memory', 'freezer', 'pids')).host?.version).toBe(1)
  })

  it('takes a pure version 2', () => {
    expect(detectCgroups(v2('', 'cpuset cpu io memory hugetlb pids rdma misc')).host?.version).toBe(2)
  })

  it('says what is missing in each version', () => {
    const { host, reason } = detectCgroups([v1('cpu', 'memory', 'pids'), v2('unified', 'hugetlb memory')].join('\n'))
    expect(host).toBe(null)
    expect(reason).toMatch(/v1: not mounted: cpuacct, freezer; cgroup v2: .*unified has no controller for: cpu, pids/)
  })

  it('says so when there is nothing at all', () => {
    expect(detectCgroups('proc /proc proc rw 0 0\n').reason).toMatch(/v1: not mounted.*v2: not mounted/)
  })

  it('says so when a hierarchy cannot be written', () => {
    // sysfs and proc refuse new directories even to root, as a read-only mount does.
    const mounts = ['cpu', 'cpuacct', 'memory', 'freezer', 'pids'].map(
      (name) => `cgroup /proc/1/${name} cgroup ro,${name} 0 0`,
    )
    expect(detectCgroups(mounts.join('\n')).reason).toMatch(/not writable/)
  })

  it('reads the mounts of this machine by itself', () => {
    const detection = detectCgroups()
    expect(detection.host === null).toBe(detection.reason !== null)
    expect(readFileSync('/proc/mounts', 'utf8')).toContain('cgroup')
  })
})

describe('cpuBandwidth', () => {
  it('keeps the share and respects the least quota the kernel takes', () => {
    for (const cpus of [0.001, 0.01, 0.036, 0.072, 0.25, 1, 1.5, 6]) {
      const { quotaMicros, periodMicros } = cpuBandwidth(cpus)
      expect(quotaMicros / periodMicros).toBeCloseTo(cpus, 2)
      expect(quotaMicros).toBeGreaterThanOrEqual(1_000)
      expect(periodMicros).toBeLessThanOrEqual(1_000_000)
    }
  })
})
