// A child process and what belongs to it: its session, its folder, its control group.

import type { ChildProcess } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Duplex, Readable } from 'node:stream'
import type { Sandbox, SandboxExit, SandboxLimits, SandboxSpec, SandboxStats } from '../../domain/sandbox.ts'
import type { Cgroup, CgroupLimits } from '../../lib/cgroup/cgroup.ts'
import { linkTree } from '../../lib/link-tree.ts'
import { killGroup, killMarked } from './process-identity.ts'

export const cgroupLimits = (limits: SandboxLimits): CgroupLimits => ({
  memoryBytes: limits.memoryMb * 1024 * 1024,
  cpus: limits.cpus,
  processes: limits.processes,
})

/** What runs in this folder or has it in its environment. */
export const markOf = (folder: string): RegExp => new RegExp(`${folder.replace(/[^\w/-]/g, '\\$&')}/`)

export interface ProcessSandboxParts {
  readonly spec: SandboxSpec
  readonly folder: string
  readonly child: ChildProcess
  readonly cgroup: Cgroup | null
  readonly onGone: () => void
}

export class ProcessSandbox implements Sandbox {
  readonly isolation = 'process'
  readonly id: string
  readonly channel: Duplex
  readonly stdout: Readable
  readonly stderr: Readable
  readonly taskRoot: string
  readonly exited: Promise<SandboxExit>
  readonly #parts: ProcessSandboxParts
  readonly #pid: number
  #lastStats: SandboxStats = { memoryBytes: null, memoryMaxBytes: null, cpuMicros: null, oomKills: null }
  #hasExited = false
  #destroyed: Promise<void> | null = null

  constructor(parts: ProcessSandboxParts) {
    const { spec, folder, child } = parts
    if (child.pid === undefined || child.stdout === null || child.stderr === null) throw new Error('not started')
    this.#parts = parts
    this.#pid = child.pid
    this.id = spec.id
    this.taskRoot = join(folder, 'task')
    this.channel = child.stdio[3] as Duplex
    this.stdout = child.stdout
    this.stderr = child.stderr
    this.exited = ended(child).then(({ code, signal }) => {
      this.#hasExited = true
      return { code, signal, outOfMemory: signal === 'SIGKILL' && (this.stats().oomKills ?? 0) > 0 }
    })
  }

  async inject(codeDir: string, limits: SandboxLimits): Promise<void> {
    const { spec } = this.#parts
    // There is no second place to show code at: also code that was known from the start is put into the task folder.
    if (spec.codeDir === null) await linkTree(codeDir, this.taskRoot)
    else if (spec.codeDir !== codeDir) throw new Error(`sandbox ${this.id} was made for other code`)
    this.setLimits(limits)
  }

  setLimits(limits: SandboxLimits): void {
    if (!this.#isOver) this.#parts.cgroup?.setLimits(cgroupLimits(limits))
  }

  async freeze(): Promise<void> {
    if (this.#isOver) return
    if (this.#parts.cgroup !== null) this.#parts.cgroup.freeze()
    else killGroup(this.#pid, 'SIGSTOP')
  }

  async thaw(): Promise<void> {
    if (this.#isOver) return
    if (this.#parts.cgroup !== null) this.#parts.cgroup.thaw()
    else killGroup(this.#pid, 'SIGCONT')
  }

  stats(): SandboxStats {
    const { cgroup } = this.#parts
    if (cgroup === null || this.#destroyed !== null) return this.#lastStats
    try {
      this.#lastStats = cgroup.stats()
    } catch {
      // Somebody has removed the group behind our back: a server that thought we were dead. The last figures stay.
    }
    return this.#lastStats
  }

  destroy(): Promise<void> {
    if (this.#destroyed === null) {
      this.stats() // the last chance to read them
      this.#destroyed = this.#destroy()
    }
    return this.#destroyed
  }

  get #isOver(): boolean {
    return this.#hasExited || this.#destroyed !== null
  }

  async #destroy(): Promise<void> {
    const { folder, cgroup, onGone } = this.#parts
    const ended = endProcesses({ pid: this.#pid, folder, cgroup })
    // Not before the kill: a guest whose channel closes would end by itself, and that would be the cause of death.
    for (const stream of [this.channel, this.stdout, this.stderr]) stream.destroy()
    await ended
    await this.exited
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    onGone()
  }
}

/** With a control group nothing can hide; without one, what is found by its session and its folder is ended. */
export const endProcesses = async (of: { pid: number; folder: string; cgroup: Cgroup | null }): Promise<void> => {
  killGroup(of.pid)
  if (of.cgroup !== null) await of.cgroup.remove()
  else killMarked({ session: of.pid, folder: markOf(of.folder) })
}

const ended = (child: ChildProcess): Promise<{ code: number | null; signal: string | null }> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve({ code: child.exitCode, signal: child.signalCode })
    } else child.once('exit', (code, signal) => resolve({ code, signal }))
  })
