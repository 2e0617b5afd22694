// Control groups, version 2: one hierarchy, in which a controller must be switched on at every step down, and in which a
// group with switched-on controllers may hold groups or processes but not both.

import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cgroup, CgroupDetection, CgroupHost, CgroupLimits, CgroupStats } from './cgroup.ts'
import { cpuBandwidth } from './cpu-bandwidth.ts'
import {
  codeOf,
  groupsAt,
  isGone,
  killProcess,
  makeGroup,
  processesIn,
  removeDirectories,
  writeControl,
} from './group-files.ts'
import { KeptFile } from './kept-file.ts'
import type { Mount } from './mounts.ts'

const CONTROLLERS = ['memory', 'cpu', 'pids'] as const
/** Where the processes go that were found in a group that must hold groups now. */
const SIDE_GROUP = 'hearth-host'

export const cgroupV2 = (mounts: readonly Mount[]): CgroupDetection => {
  const mount = mounts.find((each) => each.type === 'cgroup2')
  if (mount === undefined) return { host: null, reason: 'cgroup v2: not mounted' }
  // The top first (root, containers); then our own group, which a service manager may have delegated to us.
  const reasons: string[] = []
  for (const root of [mount.point, ownGroup(mount.point)]) {
    if (root === null) continue
    const reason = whyUnusable(root)
    if (reason === null) return { host: new HostV2(root), reason: null }
    reasons.push(reason)
  }
  return { host: null, reason: `cgroup v2: ${[...new Set(reasons)].join(', ')}` }
}

const ownGroup = (mountPoint: string): string | null => {
  const path = /^0::(\/.+)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
  return path === undefined ? null : join(mountPoint, path)
}

const whyUnusable = (root: string): string | null => {
  try {
    const available = readFileSync(join(root, 'cgroup.controllers'), 'utf8').trim().split(' ')
    const missing = CONTROLLERS.filter((controller) => !available.includes(controller))
    if (missing.length > 0) return `${root} has no controller for: ${missing.join(', ')}`
    accessSync(root, constants.W_OK)
    accessSync(join(root, 'cgroup.subtree_control'), constants.W_OK)
    return null
  } catch (fault) {
    return isGone(fault) ? `${root} is missing` : `${root} is not writable (needs root or a delegated group)`
  }
}

/** Exported for the tests, which cannot rely on the machine having a version 2 hierarchy. */
export class HostV2 implements CgroupHost {
  readonly version = 2
  readonly #root: string
  readonly #enabled = new Set<string>()

  constructor(root: string) {
    this.#root = root
  }

  create(name: string, limits: CgroupLimits): Cgroup {
    const parts = name.split('/')
    for (let depth = 0; depth < parts.length; depth++) this.#enableAt(join(this.#root, ...parts.slice(0, depth)))
    const directory = join(this.#root, name)
    makeGroup(directory)
    const group = new GroupV2(name, directory)
    try {
      group.open()
      group.setLimits(limits)
    } catch (fault) {
      void group.remove().catch(() => {}) // empty: nothing it could wait for
      throw fault
    }
    return group
  }

  /** Lets the children of this group have the controllers. */
  #enableAt(directory: string): void {
    if (this.#enabled.has(directory) && existsSync(directory)) return
    mkdirSync(directory, { recursive: true })
    const control = join(directory, 'cgroup.subtree_control')
    const words = CONTROLLERS.map((controller) => `+${controller}`).join(' ')
    try {
      writeControl(control, words)
    } catch (fault) {
      // EBUSY: processes live in it (ourselves, in a delegated group or a container). They move one step down.
      if (codeOf(fault) !== 'EBUSY') throw fault
      const side = join(directory, SIDE_GROUP)
      mkdirSync(side, { recursive: true })
      for (const pid of processesIn(directory)) moveInto(side, pid)
      writeControl(control, words)
    }
    this.#enabled.add(directory)
  }

  list(prefix: string): string[] {
    return groupsAt(this.#root, prefix).filter((name) => name !== prefix)
  }

  async removeTree(prefix: string): Promise<{ processes: number; cgroups: number }> {
    const names = groupsAt(this.#root, prefix)
    const directories = names.map((name) => join(this.#root, name))
    const killed = new Set<number>()
    const kill = () => {
      for (const directory of directories) {
        for (const pid of processesIn(directory)) if (killProcess(pid)) killed.add(pid)
      }
    }
    kill()
    await removeDirectories([...directories].reverse(), kill)
    for (const directory of directories) this.#enabled.delete(directory)
    return { processes: killed.size, cgroups: names.filter((name) => name !== prefix).length }
  }
}

const moveInto = (directory: string, pid: number): void => {
  try {
    writeControl(join(directory, 'cgroup.procs'), String(pid))
  } catch (fault) {
    if (codeOf(fault) !== 'ESRCH') throw fault // it ended meanwhile
  }
}

interface KeptFiles {
  readonly memory: KeptFile
  /** Kernel 5.19 and later. */
  readonly memoryPeak: KeptFile | null
  readonly memoryEvents: KeptFile
  readonly cpuStat: KeptFile
  readonly freeze: KeptFile
}

class GroupV2 implements Cgroup {
  readonly name: string
  readonly joinFiles: readonly string[]
  readonly #directory: string
  #kept: KeptFiles | null = null
  #removal: Promise<void> | null = null
  #memoryMaxSeen = 0

  constructor(name: string, directory: string) {
    this.name = name
    this.#directory = directory
    this.joinFiles = [join(directory, 'cgroup.procs')]
  }

  open(): void {
    const at = (file: string) => join(this.#directory, file)
    this.#kept = {
      memory: KeptFile.forReading(at('memory.current')),
      memoryPeak: KeptFile.openIfPresent(at('memory.peak')),
      memoryEvents: KeptFile.forReading(at('memory.events')),
      cpuStat: KeptFile.forReading(at('cpu.stat')),
      freeze: KeptFile.forWriting(at('cgroup.freeze')),
    }
    // A sandbox that lost one process to the lack of memory cannot be trusted to be whole: all of it goes.
    this.#write('memory.oom.group', '1')
    // Missing where the kernel accounts no swap.
    if (existsSync(at('memory.swap.max'))) this.#write('memory.swap.max', '0')
  }

  setLimits(limits: CgroupLimits): void {
    const { quotaMicros, periodMicros } = cpuBandwidth(limits.cpus)
    this.#write('memory.max', String(limits.memoryBytes))
    this.#write('cpu.max', `${quotaMicros} ${periodMicros}`)
    this.#write('pids.max', String(limits.processes))
  }

  freeze(): void {
    this.#open().freeze.write('1')
  }

  thaw(): void {
    this.#open().freeze.write('0')
  }

  /** The kernel takes frozen groups and concurrent forks into account by itself, from 5.14 on. */
  kill(): void {
    if (this.#kept === null) return
    try {
      this.#write('cgroup.kill', '1')
    } catch (fault) {
      if (codeOf(fault) !== 'ENOENT') throw fault
      this.freeze()
      for (const pid of this.processes()) killProcess(pid)
      this.thaw()
    }
  }

  processes(): number[] {
    return processesIn(this.#directory)
  }

  stats(): CgroupStats {
    const kept = this.#open()
    const memoryBytes = kept.memory.number()
    this.#memoryMaxSeen = Math.max(this.#memoryMaxSeen, kept.memoryPeak?.number() ?? memoryBytes)
    return {
      memoryBytes,
      memoryMaxBytes: this.#memoryMaxSeen,
      cpuMicros: kept.cpuStat.field(USAGE_MICROS),
      oomKills: kept.memoryEvents.field(OOM_KILL),
    }
  }

  remove(): Promise<void> {
    this.#removal ??= this.#remove()
    return this.#removal
  }

  async #remove(): Promise<void> {
    try {
      await removeDirectories([this.#directory], () => this.kill())
    } finally {
      for (const file of Object.values(this.#kept ?? {})) file?.close()
      this.#kept = null
    }
  }

  #write(file: string, text: string): void {
    writeControl(join(this.#directory, file), text)
  }

  #open(): KeptFiles {
    if (this.#kept === null) throw new Error(`control group ${this.name} has been removed`)
    return this.#kept
  }
}

const OOM_KILL = Buffer.from('oom_kill')
const USAGE_MICROS = Buffer.from('usage_usec')
