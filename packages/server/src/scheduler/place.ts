// A sandbox whose runtime answers: walls and conversation together, with one owner at a time who is told of its end.

import type { Clock } from '../domain/clock.ts'
import { HearthError } from '../domain/hearth-error.ts'
import type { Lifecycle } from '../domain/lifecycle.ts'
import type { Log } from '../domain/log.ts'
import type { Outcome } from '../domain/outcome.ts'
import type { Sandbox, SandboxDriver, SandboxSpec } from '../domain/sandbox.ts'
import { Session } from '../session/session.ts'

/** Time for walls and runtime to come up, far beyond what any driver needs on a busy machine. */
const bootLimitMs = 20_000

export class Place {
  readonly sandbox: Sandbox
  readonly session: Session
  readonly bootMs: number
  /** Set by the owner; told once, when the session has ended. The sandbox is already being destroyed then. */
  onEnded: (why: string) => void = () => {}
  #frozen = false
  #destroyed: Promise<void> | null = null
  readonly #lifecycle: Lifecycle
  readonly #log: Log

  private constructor(sandbox: Sandbox, startedMs: number, tools: PlaceTools) {
    this.sandbox = sandbox
    this.#lifecycle = tools.lifecycle
    this.#log = tools.log
    this.session = new Session(sandbox, tools.clock, (why) => {
      void this.destroy(why)
      this.onEnded(why)
    })
    this.bootMs = tools.clock.nowMs() - startedMs
  }

  /** Builds walls and waits until the runtime inside says it is ready. Leaves nothing behind if it rejects. */
  static async boot(driver: SandboxDriver, spec: SandboxSpec, tools: PlaceTools): Promise<Place> {
    const startedMs = tools.clock.nowMs()
    const limit = AbortSignal.timeout(bootLimitMs)
    let sandbox: Sandbox
    try {
      sandbox = await driver.create(spec, limit)
    } catch (cause) {
      if (cause instanceof HearthError) throw cause
      throw new HearthError('start_failed', `A ${driver.isolation} sandbox could not be started: ${messageOf(cause)}`, {
        cause,
      })
    }
    const place = new Place(sandbox, startedMs, tools)
    const ready = await place.session.ready(bootLimitMs)
    if (ready !== 'ready') {
      await place.destroy('the runtime did not come up')
      throw new HearthError(
        'start_failed',
        `The runtime did not come up in a ${driver.isolation} sandbox: ${tell(ready)}`,
      )
    }
    tools.lifecycle.announce('sandbox.created', {
      sandboxId: spec.id,
      isolation: driver.isolation,
      runtime: spec.runtime.name,
      tookMs: tools.clock.nowMs() - startedMs,
    })
    return place
  }

  get frozen(): boolean {
    return this.#frozen
  }

  freeze(): void {
    if (this.#frozen || this.#destroyed !== null) return
    this.#frozen = true
    this.#lifecycle.announce('sandbox.frozen', { sandboxId: this.sandbox.id })
    this.sandbox.freeze().catch((fault) => this.#doubt('could not be frozen', fault))
  }

  /** The caller need not wait: what it sends meanwhile waits in the socket. */
  thaw(): void {
    if (!this.#frozen) return
    this.#frozen = false
    this.#lifecycle.announce('sandbox.thawed', { sandboxId: this.sandbox.id })
    this.sandbox.thaw().catch((fault) => this.#doubt('could not be thawed', fault))
  }

  destroy(why: string): Promise<void> {
    if (this.#destroyed !== null) return this.#destroyed
    this.#destroyed = this.sandbox
      .destroy(why)
      .catch((fault) =>
        this.#log.error({ err: fault, sandbox: this.sandbox.id }, 'a sandbox was not destroyed cleanly'),
      )
    this.session.end(why)
    this.#lifecycle.announce('sandbox.destroyed', {
      sandboxId: this.sandbox.id,
      isolation: this.sandbox.isolation,
      reason: why,
    })
    return this.#destroyed
  }

  /** Any doubt about a place ends it: a new one costs milliseconds, a wrong one costs trust. */
  #doubt(what: string, fault: unknown): void {
    if (this.#destroyed !== null) return
    this.#log.warn({ err: fault, sandbox: this.sandbox.id }, `a sandbox ${what}`)
    void this.destroy(what)
  }
}

export interface PlaceTools {
  readonly clock: Clock
  readonly lifecycle: Lifecycle
  readonly log: Log
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

function tell(outcome: Outcome): string {
  if (outcome.kind === 'timed-out') return `no sign of life within ${outcome.limitMs} ms`
  if (outcome.kind === 'crashed') {
    const { how } = outcome
    if (how.kind === 'exited') return `it exited with status ${how.code}`
    return how.kind === 'signalled' ? `it was killed by ${how.signal}` : how.violation
  }
  return outcome.kind
}
