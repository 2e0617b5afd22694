// What a control group can do, whichever of the kernel's two interfaces stands behind it.

/** Makes and finds control groups. Names are paths below the hierarchy's root: `hearth/1f2e3d4c/sandbox-1`. */
export interface CgroupHost {
  readonly version: 1 | 2
  /** The limits are in force when this returns. Leaves nothing behind if it throws. */
  create(name: string, limits: CgroupLimits): Cgroup
  /** Names of every group below `prefix`, parents before their children. */
  list(prefix: string): string[]
  /** Kills every process in and below `prefix` and removes the groups, `prefix` itself included. */
  removeTree(prefix: string): Promise<{ processes: number; cgroups: number }>
}

export interface CgroupLimits {
  /** Memory without swap. */
  readonly memoryBytes: number
  /** In processors: 0.25 is a quarter of one. */
  readonly cpus: number
  /** Processes and threads. */
  readonly processes: number
}

export interface Cgroup {
  readonly name: string
  /** Files into which a process that has only one thread writes `0` to join: into every one of them. */
  readonly joinFiles: readonly string[]
  setLimits(limits: CgroupLimits): void
  /** Starts to stop every process inside. The kernel needs no further call to finish, also when new ones are forked. */
  freeze(): void
  thaw(): void
  /** Sends SIGKILL to everything inside, frozen or not. */
  kill(): void
  /** Ids of the processes inside, as this process sees them. */
  processes(): number[]
  /** A few reads of files that are kept open: cheap enough for every call. */
  stats(): CgroupStats
  /** Kills what is still inside, waits until it is gone and removes the group. Harmless when repeated. */
  remove(): Promise<void>
}

export interface CgroupStats {
  readonly memoryBytes: number
  readonly memoryMaxBytes: number
  readonly cpuMicros: number
  /** Processes killed by the kernel for want of memory. */
  readonly oomKills: number
}

export type CgroupDetection =
  | { readonly host: CgroupHost; readonly reason: null }
  /** Why there is none, in words a user can act on. */
  | { readonly host: null; readonly reason: string }
