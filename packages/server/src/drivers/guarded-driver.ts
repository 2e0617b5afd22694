// The one wrapper around every driver, so that each of them can be plain: sandboxes are made under a deadline and counted,
// and behind every sandbox stands a guard.

import { HearthError } from '../domain/hearth-error.ts'
import type { Log } from '../domain/log.ts'
import type {
  DriverCapabilities,
  ProbeReport,
  Sandbox,
  SandboxDriver,
  SandboxSpec,
  SweepReport,
} from '../domain/sandbox.ts'
import { GuardedSandbox } from './guarded-sandbox.ts'

export interface GuardLimits {
  readonly createWithinMs: number
  /** For one inject, freeze or thaw. */
  readonly operateWithinMs: number
}

const usualLimits: GuardLimits = { createWithinMs: 20_000, operateWithinMs: 5_000 }

export class GuardedDriver implements SandboxDriver {
  readonly #inner: SandboxDriver
  readonly #log: Log
  readonly #limits: GuardLimits
  readonly #alive = new Set<GuardedSandbox>()
  #closed = false

  constructor(inner: SandboxDriver, log: Log, limits: GuardLimits = usualLimits) {
    this.#inner = inner
    this.#log = log
    this.#limits = limits
  }

  get isolation(): SandboxDriver['isolation'] {
    return this.#inner.isolation
  }

  get capabilities(): DriverCapabilities {
    return this.#inner.capabilities
  }

  /** Sandboxes that were made and are not yet gone. */
  get alive(): number {
    return this.#alive.size
  }

  probe(): Promise<ProbeReport> {
    return this.#inner.probe()
  }

  sweep(): Promise<SweepReport> {
    return this.#inner.sweep()
  }

  async create(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    if (this.#closed) throw new HearthError('draining', 'The server is shutting down.')
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#limits.createWithinMs)])
    const making = this.#inner.create(spec, limit)
    let inner: Sandbox
    try {
      inner = await untilAborted(making, limit)
    } catch (fault) {
      // A driver that does not hear the signal may still come up with a sandbox: nobody waits for it any more.
      making.then(
        (late) => this.#discard(late),
        () => {},
      )
      throw fault
    }
    const sandbox = new GuardedSandbox(inner, this.#limits.operateWithinMs, () => this.#alive.delete(sandbox))
    this.#alive.add(sandbox)
    if (this.#closed || limit.aborted) {
      await sandbox.destroy('nobody waits for it any more')
      throw new HearthError('start_failed', 'The sandbox was given up before it was ready.')
    }
    return sandbox
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#alive].map((sandbox) => sandbox.destroy('shutting down')))
    await this.#inner.close()
  }

  async #discard(late: Sandbox): Promise<void> {
    try {
      await late.destroy('it came too late')
    } catch (fault) {
      this.#log.error({ err: fault, sandbox: late.id }, 'a sandbox that came too late was not destroyed cleanly')
    }
  }
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new HearthError('start_failed', 'A sandbox did not come up in time.'))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
