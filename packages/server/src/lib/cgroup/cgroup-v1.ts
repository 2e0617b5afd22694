// Control groups, version 1: every controller is a hierarchy of its own, so one group is a directory in each of them.

import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Cgroup, CgroupDetection, CgroupHost, CgroupLimits, CgroupStats } from './cgroup.ts'
import { cpuBandwidth } from './cpu-bandwidth.ts'
import {
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

const CONTROLLERS = ['memory', 'cpu', 'cpuacct', 'pids', 'freezer'] as const
/** See `#keepFreezerOn`. */
const ALWAYS_FROZEN = 'always-frozen'
type Roots = Readonly<Record<(typeof CONTROLLERS)[number], string>>

export const cgroupV1 = (mounts: readonly Mount[]): CgroupDetection => {
  const root = (controller: string): string | undefined =>
    mounts.find((mount) => mount.type === 'cgroup' && mount.options.includes(controller))?.point
  const [memory, cpu, cpuacct, pids, freezer] = CONTROLLERS.map(root)
  if (!memory || !cpu || !cpuacct || !pids || !freezer) {
    const missing = CONTROLLERS.filter((controller) => root(controller) === undefined)
    return { host: null, reason: `cgroup v1: not mounted: ${missing.join(', ')}` }
  }
  const roots = { memory, cpu, cpuacct, pids, freezer }
  for (const point of Object.values(roots)) {
    try {
      accessSync(point, constants.W_OK)
    } catch {
      return { host: null, reason: `cgroup v1: ${point} is not writable (needs root and a writable mount)` }
    }
  }
  return { host: new HostV1(roots), reason: null }
}

class HostV1 implements CgroupHost {
  readonly version = 1
  readonly #roots: Roots
  /** `cpu` and `cpuacct` are often one mount. */
  readonly #distinctRoots: readonly string[]
  readonly #freezerOn = new Set<string>()

  constructor(roots: Roots) {
    this.#roots = roots
    this.#distinctRoots = [...new Set(Object.values(roots))]
  }

  create(name: string, limits: CgroupLimits): Cgroup {
    this.#keepFreezerOn(dirname(name))
    const made: string[] = []
    const group = new GroupV1(name, this.#roots, made)
    try {
      for (const root of this.#distinctRoots) {
        makeGroup(join(root, name))
        made.push(join(root, name))
      }
      group.open()
      group.setLimits(limits)
    } catch (fault) {
      void group.remove().catch(() => {}) // empty: nothing it could wait for
      throw fault
    }
    return group
  }

  /**
   * The first frozen group on a machine makes the kernel patch itself on every processor, and the last one to be thawed
   * makes it patch back: 80 us each time, measured. With an empty group that is always frozen it is 2 us. `removeTree`
   * takes it away.
   */
  #keepFreezerOn(parent: string): void {
    if (this.#freezerOn.has(parent)) return
    this.#freezerOn.add(parent)
    const directory = join(this.#roots.freezer, parent, ALWAYS_FROZEN)
    mkdirSync(directory, { recursive: true })
    writeControl(join(directory, 'freezer.state'), 'FROZEN')
  }

  list(prefix: string): string[] {
    return this.#below(prefix).filter((name) => name !== prefix && basename(name) !== ALWAYS_FROZEN)
  }

  #below(prefix: string): string[] {
    return [...new Set(this.#distinctRoots.flatMap((root) => groupsAt(root, prefix)))]
  }

  async removeTree(prefix: string): Promise<{ processes: number; cgroups: number }> {
    const cgroups = this.list(prefix).length
    const names = this.#below(prefix)
    for (const name of names) this.#freezerOn.delete(name)
    const killed = new Set<number>()
    const kill = () => {
      for (const name of names) for (const pid of this.#killGroup(name)) killed.add(pid)
    }
    kill()
    const directories = this.#distinctRoots.flatMap((root) => names.map((name) => join(root, name)))
    await removeDirectories(directories.reverse(), kill)
    return { processes: killed.size, cgroups }
  }

  #killGroup(name: string): number[] {
    const freezer = join(this.#roots.freezer, name)
    // A process may have been caught between joining two hierarchies, so every one of them is asked.
    const pids = this.#distinctRoots.flatMap((root) => processesIn(join(root, name)))
    const killed = pids.filter(killProcess)
    try {
      writeControl(join(freezer, 'freezer.state'), 'THAWED')
    } catch (fault) {
      if (!isGone(fault)) throw fault
    }
    return killed
  }
}

interface KeptFiles {
  readonly memory: KeptFile
  readonly memoryMax: KeptFile
  readonly oomControl: KeptFile
  readonly cpuNanos: KeptFile
  readonly freezerState: KeptFile
}

class GroupV1 implements Cgroup {
  readonly name: string
  readonly #directories: readonly string[]
  readonly #memory: string
  readonly #cpu: string
  readonly #pids: string
  readonly #freezer: string
  readonly #cpuacct: string
  #kept: KeptFiles | null = null
  #removal: Promise<void> | null = null
  #memoryBytes = Number.POSITIVE_INFINITY

  constructor(name: string, roots: Roots, directories: readonly string[]) {
    this.name = name
    this.#directories = directories
    this.#memory = join(roots.memory, name)
    this.#cpu = join(roots.cpu, name)
    this.#cpuacct = join(roots.cpuacct, name)
    this.#pids = join(roots.pids, name)
    this.#freezer = join(roots.freezer, name)
  }

  /**
   * A lone thread that moves itself needs no lock on the whole machine's forks; by way of `cgroup.procs` a process waits
   * 10 ms for that lock.
   */
  get joinFiles(): readonly string[] {
    return this.#directories.map((directory) => join(directory, 'tasks'))
  }

  open(): void {
    this.#kept = {
      memory: KeptFile.forReading(join(this.#memory, 'memory.usage_in_bytes')),
      memoryMax: KeptFile.forReading(join(this.#memory, 'memory.max_usage_in_bytes')),
      oomControl: KeptFile.forReading(join(this.#memory, 'memory.oom_control')),
      cpuNanos: KeptFile.forReading(join(this.#cpuacct, 'cpuacct.usage')),
      freezerState: KeptFile.forWriting(join(this.#freezer, 'freezer.state')),
    }
  }

  setLimits(limits: CgroupLimits): void {
    this.#setMemory(limits.memoryBytes)
    const { quotaMicros, periodMicros } = cpuBandwidth(limits.cpus)
    writeControl(join(this.#cpu, 'cpu.cfs_period_us'), String(periodMicros))
    writeControl(join(this.#cpu, 'cpu.cfs_quota_us'), String(quotaMicros))
    writeControl(join(this.#pids, 'pids.max'), String(limits.processes))
  }

  /** The limit with swap may at no moment be under the one without: going up it moves first, going down last. */
  #setMemory(bytes: number): void {
    const plain = join(this.#memory, 'memory.limit_in_bytes')
    const withSwap = join(this.#memory, 'memory.memsw.limit_in_bytes')
    // Without swap accounting in the kernel the second file is missing.
    const files = existsSync(withSwap) ? [plain, withSwap] : [plain]
    if (bytes > this.#memoryBytes) files.reverse()
    for (const file of files) writeControl(file, String(bytes))
    this.#memoryBytes = bytes
  }

  freeze(): void {
    this.#open().freezerState.write('FROZEN')
  }

  thaw(): void {
    this.#open().freezerState.write('THAWED')
  }

  /** Frozen first, so that nothing can fork its way past the list; a frozen process dies when it is thawed. */
  kill(): void {
    if (this.#kept === null) return
    this.freeze()
    for (const pid of this.#processesAnywhere()) killProcess(pid)
    this.thaw()
  }

  processes(): number[] {
    return processesIn(this.#freezer)
  }

  #processesAnywhere(): Set<number> {
    return new Set(this.#directories.flatMap(processesIn))
  }

  stats(): CgroupStats {
    const kept = this.#open()
    return {
      memoryBytes: kept.memory.number(),
      memoryMaxBytes: kept.memoryMax.number(),
      cpuMicros: Math.floor(kept.cpuNanos.number() / 1_000),
      oomKills: kept.oomControl.field(OOM_KILL),
    }
  }

  remove(): Promise<void> {
    this.#removal ??= this.#remove()
    return this.#removal
  }

  async #remove(): Promise<void> {
    try {
      // The freezer last: as long as it is there, what is left can still be frozen and killed.
      const order = [...this.#directories].sort((a, b) => Number(a === this.#freezer) - Number(b === this.#freezer))
      await removeDirectories(order, () => this.kill())
    } finally {
      for (const file of Object.values(this.#kept ?? {})) file.close()
      this.#kept = null
    }
  }

  #open(): KeptFiles {
    if (this.#kept === null) throw new Error(`control group ${this.name} has been removed`)
    return this.#kept
  }
}

const OOM_KILL = Buffer.from('oom_kill')
