import type { ChildProcess } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Duplex, PassThrough, type Readable } from 'node:stream'
import type { Sandbox, SandboxExit, SandboxLimits, SandboxSpec, SandboxStats } from '../../domain/sandbox.ts'
import type { Cgroup, CgroupLimits } from '../../lib/cgroup/cgroup.ts'
import { linkTree } from '../../lib/link-tree.ts'
import { killGroup } from './process-identity.ts'

const unknown: SandboxStats = { memoryBytes: null, memoryMaxBytes: null, cpuMicros: null, oomKills: null }

export const cgroupLimits = (limits: SandboxLimits): CgroupLimits => ({
  memoryBytes: limits.memoryMb * 1024 * 1024,
  cpus: limits.cpus,
  processes: limits.processes,
})

/** A child process and what belongs to it: its session, its folder, its control group. */
export class ProcessSandbox implements Sandbox {
  readonly id: string
  readonly isolation = 'process'
  readonly channel: Duplex
  readonly stdout: Readable
  readonly stderr: Readable
  readonly taskRoot: string
  readonly exited: Promise<SandboxExit>
  readonly #folder: string
  readonly #pid: number
  readonly #cgroup: Cgroup | null
  readonly #onGone: () => void
  #destroyed: Promise<void> | null = null

  constructor(
    spec: SandboxSpec,
    folder: string,
    child: ChildProcess,
    channel: Duplex,
    cgroup: Cgroup | null,
    onGone: () => void,
  ) {
    this.id = spec.id
    this.channel = channel
    this.stdout = child.stdout ?? new PassThrough()
    this.stderr = child.stderr ?? new PassThrough()
    this.taskRoot = join(folder, 'task')
    this.#folder = folder
    this.#pid = child.pid ?? 0
    this.#cgroup = cgroup
    this.#onGone = onGone
    channel.on('error', () => {})
    this.exited = new Promise((resolve) => {
      const onExit = (code: number | null, signal: string | null): void =>
        resolve({ code, signal, outOfMemory: signal === 'SIGKILL' && this.#ranOutOfMemory() })
      if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode)
      else child.once('exit', onExit)
    })
  }

  async inject(codeDir: string, limits: SandboxLimits): Promise<void> {
    await linkTree(codeDir, this.taskRoot)
    this.setLimits(limits)
  }

  setLimits(limits: SandboxLimits): void {
    this.#cgroup?.setLimits(cgroupLimits(limits))
  }

  async freeze(): Promise<void> {
    if (this.#cgroup !== null) this.#cgroup.freeze()
    else killGroup(this.#pid, 'SIGSTOP')
  }

  async thaw(): Promise<void> {
    if (this.#cgroup !== null) this.#cgroup.thaw()
    else killGroup(this.#pid, 'SIGCONT')
  }

  stats(): SandboxStats {
    return this.#destroyed === null ? (this.#cgroup?.stats() ?? unknown) : unknown
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#destroy()
    return this.#destroyed
  }

  /** A group that is gone, because a sweep took it, has nothing more to tell. */
  #ranOutOfMemory(): boolean {
    try {
      return (this.#cgroup?.stats().oomKills ?? 0) > 0
    } catch {
      return false
    }
  }

  async #destroy(): Promise<void> {
    killGroup(this.#pid)
    // Before waiting: what is frozen dies only when its group is thawed, and what left the session only by its group.
    await this.#cgroup?.remove()
    await this.exited
    await rm(this.#folder, { recursive: true, force: true })
    this.#onGone()
  }
}
