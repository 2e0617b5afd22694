// The ports every kind of walls fulfils. A driver knows nothing of functions or invocations.

import type { Duplex, Readable } from 'node:stream'
import type { Isolation, Network } from '@hearth/protocol'
import type { Runtime } from './runtime.ts'

/** Builds the walls around one runtime process. */
export interface SandboxDriver {
  readonly isolation: Isolation

  /** What this driver can do here. Data, so that nobody asks which driver it is. Valid after `probe`. */
  readonly capabilities: DriverCapabilities

  /** Really starts one sandbox, under a time limit of its own, and says whether that worked or why not. Never rejects. */
  probe(): Promise<ProbeReport>

  /**
   * Resolves once the runtime process has been started inside its walls, with every limit of `spec` in force; the
   * process may not have spoken yet. Leaves nothing behind if it rejects or `signal` aborts.
   */
  create(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox>

  /** Removes what a dead server with the same data folder left behind. Called before the first `create`. */
  sweep(): Promise<SweepReport>

  /** Destroys every sandbox and ends helpers of the driver's own. */
  close(): Promise<void>
}

export interface DriverCapabilities {
  readonly limits: DriverLimits
  /** How a sandbox is stopped between calls. `none`: it runs on. */
  readonly freeze: 'cgroup' | 'signals' | 'engine' | 'none'
  /** Whether code can be injected after `create` (generic, pre-booted sandboxes). */
  readonly injectsLate: boolean
  readonly networks: readonly Network[]
  readonly rootless: boolean
}

/** How each limit is enforced: `enforced` on the whole sandbox, `per-process` only on each process, or not at all. */
export type LimitStrength = 'enforced' | 'per-process' | 'none'

export interface DriverLimits {
  readonly memory: LimitStrength
  readonly cpu: LimitStrength
  readonly processes: LimitStrength
  readonly disk: LimitStrength
}

export interface ProbeReport {
  readonly isolation: Isolation
  readonly available: boolean
  /** Why not, in words a user can act on. */
  readonly reason: string | null
  /** What a user should know: limits not enforced, old versions, missing helpers. */
  readonly notes: readonly string[]
  /** From `create` to the runtime's first frame. */
  readonly startMs: number | null
}

export interface SweepReport {
  readonly processes: number
  readonly cgroups: number
  readonly folders: number
  readonly links: number
}

export interface SandboxLimits {
  readonly memoryMb: number
  /** Share of processor time, in processors: 0.25 is a quarter of one. */
  readonly cpus: number
  readonly processes: number
  readonly openFiles: number
  readonly tmpMb: number
  readonly tmpInodes: number
}

export interface SandboxSpec {
  /** Unique for ever; letters, digits and dashes, at most 40. Names cgroups, folders, links. */
  readonly id: string
  readonly runtime: Runtime
  readonly limits: SandboxLimits
  readonly network: Network
  /** Directory with the function's code, or null for a generic sandbox that gets it by `inject`. */
  readonly codeDir: string | null
}

/** One set of walls with one runtime inside. */
export interface Sandbox {
  readonly id: string
  readonly isolation: Isolation
  /** The framed conversation with the runtime. Bytes from a stranger. */
  readonly channel: Duplex
  /** What user code prints, raw. Must be read, else the guest blocks. */
  readonly stdout: Readable
  readonly stderr: Readable
  /** Where the function's code is, as seen from inside. */
  readonly taskRoot: string

  /**
   * Makes code appear at `taskRoot` and sets the limits. Called exactly once, before the runtime is told to load
   * anything; on a sandbox created with `codeDir` it gets the same directory and only the limits matter.
   */
  inject(codeDir: string, limits: SandboxLimits): Promise<void>

  /**
   * Changes the limits of a living sandbox. Loading the handler runs with at least one processor (as at AWS, else a
   * small function would take seconds to import); the scheduler then calls this with the function's own share.
   */
  setLimits(limits: SandboxLimits): void

  /** Stops all of its processes. A frozen sandbox uses no processor time. */
  freeze(): Promise<void>
  thaw(): Promise<void>

  /** Synchronous and cheap enough for every call; null figures where the driver cannot know. */
  stats(): SandboxStats

  /** Kills every process and removes every trace. Resolves when that is done. */
  destroy(reason: string): Promise<void>

  /** Resolves when the runtime process has ended, for whatever cause. Never rejects. */
  readonly exited: Promise<SandboxExit>
}

export interface SandboxStats {
  /** Most memory ever in use at once. */
  readonly memoryMaxBytes: number | null
  readonly memoryBytes: number | null
  readonly cpuMicros: number | null
  /** Kills by the kernel for want of memory. */
  readonly oomKills: number | null
}

export interface SandboxExit {
  readonly code: number | null
  readonly signal: string | null
  readonly outOfMemory: boolean
}
