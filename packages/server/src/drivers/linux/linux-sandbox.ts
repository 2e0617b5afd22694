// One living sandbox of the linux driver.
//
//   state      | means                                        | left by
//   alive      | the runtime may run                          | its exit, destroy
//   ended      | no process is left, figures can be read      | destroy
//   destroyed  | every trace is removed                       |
//   condemned  | something could not be removed; retried      | success

import type { Duplex, Readable } from 'node:stream'
import type { Log } from '../../domain/log.ts'
import type { Sandbox, SandboxExit, SandboxLimits, SandboxSpec, SandboxStats } from '../../domain/sandbox.ts'
import { linkTree } from '../../lib/link-tree.ts'
import { cgroupLimits, type Holdings } from './holdings.ts'
import type { Init } from './launcher.ts'
import { removeSandbox } from './remove-sandbox.ts'

export const TASK_ROOT = '/var/task'
const MIB = 1024 * 1024

export interface SandboxParts {
  readonly spec: SandboxSpec
  readonly channel: Duplex
  readonly stdout: Readable
  readonly stderr: Readable
  readonly init: Init
  readonly holdings: Holdings
  readonly log: Log
  readonly onDestroyed: () => void
}

export class LinuxSandbox implements Sandbox {
  readonly isolation = 'linux'
  readonly taskRoot = TASK_ROOT
  readonly id: string
  readonly channel: Duplex
  readonly stdout: Readable
  readonly stderr: Readable
  readonly exited: Promise<SandboxExit>
  readonly #parts: SandboxParts
  #destroyed: Promise<void> | null = null
  #lastStats: SandboxStats = { memoryBytes: null, memoryMaxBytes: null, cpuMicros: null, oomKills: null }

  constructor(parts: SandboxParts) {
    this.#parts = parts
    this.id = parts.spec.id
    this.channel = parts.channel
    this.stdout = parts.stdout
    this.stderr = parts.stderr
    this.exited = parts.init.exited.then((exit) => {
      const { oomKills } = this.stats()
      // A child killed for want of memory is in the figures only; the sandbox is out of memory when it died of it.
      return { ...exit, outOfMemory: exit.signal === 'SIGKILL' && (oomKills ?? 0) > 0 }
    })
  }

  async inject(codeDir: string, limits: SandboxLimits): Promise<void> {
    if (this.#parts.spec.codeDir === null) await linkTree(codeDir, this.#parts.holdings.taskFolder)
    else if (this.#parts.spec.codeDir !== codeDir) throw new Error(`sandbox ${this.id} was made for other code`)
    await this.#setLimits(limits)
  }

  setLimits(limits: SandboxLimits): void {
    void this.#setLimits(limits)
  }

  /** With control groups it is done when this returns. */
  #setLimits(limits: SandboxLimits): Promise<void> | undefined {
    const { holdings, init } = this.#parts
    if (this.#destroyed !== null || init.hasExited) return undefined
    if (holdings.cgroup === null) return init.limitData(limits.memoryMb * MIB)
    holdings.cgroup.setLimits(cgroupLimits(limits))
    return undefined
  }

  async freeze(): Promise<void> {
    await this.#stopOrGo('freeze')
  }

  async thaw(): Promise<void> {
    await this.#stopOrGo('thaw')
  }

  async #stopOrGo(action: 'freeze' | 'thaw'): Promise<void> {
    const { holdings, init } = this.#parts
    if (this.#destroyed !== null || init.hasExited) return
    if (holdings.cgroup !== null) holdings.cgroup[action]()
    else await init[action]()
  }

  stats(): SandboxStats {
    const { cgroup } = this.#parts.holdings
    if (cgroup === null || this.#destroyed !== null) return this.#lastStats
    try {
      this.#lastStats = cgroup.stats()
    } catch (fault) {
      // A launcher that was told to end has taken the group with it.
      this.#parts.log.debug({ sandbox: this.id, fault }, 'no figures any more')
    }
    return this.#lastStats
  }

  destroy(reason: string): Promise<void> {
    if (this.#destroyed === null) {
      this.stats() // the last chance to read them
      this.#destroyed = this.#destroy(reason)
    }
    return this.#destroyed
  }

  async #destroy(reason: string): Promise<void> {
    const { spec, init, holdings, log } = this.#parts
    // The streams afterwards: a guest whose channel ends may exit by itself, and that would be told as its end.
    await removeSandbox({ id: spec.id, init, holdings, log }, reason)
    this.channel.destroy()
    this.stdout.destroy()
    this.stderr.destroy()
    this.#parts.onDestroyed()
  }
}
