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
  /** Creations that nobody waits for any more, until what comes of them is destroyed. */
  readonly #late = new Set<Promise<void>>()
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
      this.#keepLate(making)
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
    const destroyed = await Promise.allSettled([...this.#alive].map((sandbox) => sandbox.destroy('shutting down')))
    for (const each of destroyed) {
      // One that cannot be destroyed must not save the driver's own helpers, which may be what keeps it alive.
      if (each.status === 'rejected') this.#log.error({ err: each.reason }, 'a sandbox was not destroyed cleanly')
    }
    await settledWithin([...this.#late], this.#limits.operateWithinMs)
    await this.#inner.close()
  }

  #keepLate(making: Promise<Sandbox>): void {
    const discarded = making.then(
      (late) => this.#discard(late),
      () => {},
    )
    this.#late.add(discarded)
    void discarded.then(() => this.#late.delete(discarded))
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

async function settledWithin(work: readonly Promise<void>[], withinMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, withinMs)
  })
  await Promise.race([Promise.all(work), patience])
  clearTimeout(timer)
}
