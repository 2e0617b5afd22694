// One invocation on its way through a version's pool: it waits, is handed to an instance, and settles once.

import type { CallExtras, CallKind } from '@hearth/protocol'
import type { HearthError } from '../domain/hearth-error.ts'
import { type CapturedLogs, type Invocation, noLogs, type Result } from '../domain/invocation.ts'
import type { Outcome } from '../domain/outcome.ts'
import type { CallEnd, SessionCall } from '../session/session.ts'
import type { Instance } from './instance.ts'

export interface TicketOwner {
  onCallEnd(ticket: Ticket, end: CallEnd): void
}

export interface TicketSettler {
  resolve(result: Result): void
  reject(fault: HearthError): void
  /** The result with everything that was printed; told once for every invocation that had a result. */
  onFinished(result: Result): void
}

export class Ticket implements SessionCall {
  readonly invocation: Invocation
  readonly #owner: TicketOwner
  readonly #settler: TicketSettler
  readonly timeoutMs: number
  /** When it began to wait in the pool. */
  readonly arrivedMs: number
  instance: Instance | null = null
  /** New instances that died in front of this call. */
  deathsBeforeStart = 0
  /** Times it came back from an instance that ended before beginning it. */
  moves = 0
  #result: Result | null = null
  #logs: CapturedLogs | null = null
  #leave: (() => void) | null = null

  constructor(invocation: Invocation, owner: TicketOwner, settler: TicketSettler, nowMs: number) {
    this.invocation = invocation
    this.#owner = owner
    this.#settler = settler
    this.timeoutMs = invocation.version.config.timeoutSeconds * 1000
    this.arrivedMs = nowMs
  }

  get kind(): CallKind {
    return this.invocation.kind
  }
  get requestId(): string {
    return this.invocation.requestId
  }
  get extras(): CallExtras | null {
    return this.invocation.extras
  }
  get body(): Uint8Array {
    return this.invocation.body
  }

  onEnd(end: CallEnd): void {
    this.#owner.onCallEnd(this, end)
  }

  onLogs(logs: CapturedLogs): void {
    this.#logs = logs
    this.#finishIfComplete()
  }

  /** Calls back if the caller leaves while the call waits. */
  watchCaller(onLeave: () => void): void {
    this.#leave = onLeave
    this.invocation.signal.addEventListener('abort', onLeave, { once: true })
  }

  unwatchCaller(): void {
    if (this.#leave !== null) this.invocation.signal.removeEventListener('abort', this.#leave)
    this.#leave = null
  }

  /** The call ended in an instance; its logs are complete or soon will be. */
  settle(result: Result): void {
    this.#result = result
    if (!this.invocation.wantsLogs) this.#settler.resolve(result)
    this.#finishIfComplete()
  }

  /** The call ended without ever reaching an instance. */
  settleUnrun(result: Result): void {
    this.#logs = noLogs
    this.settle(result)
  }

  reject(fault: HearthError): void {
    this.#settler.reject(fault)
  }

  #finishIfComplete(): void {
    if (this.#result === null || this.#logs === null) return
    const complete = this.#logs === noLogs ? this.#result : { ...this.#result, logs: this.#logs }
    if (this.invocation.wantsLogs) this.#settler.resolve(complete)
    this.#settler.onFinished(complete)
  }
}

/** The result of a call that met a version whose start failed. */
export const unrunResult = (
  invocation: Invocation,
  outcome: Outcome,
  sandboxId: string,
  nowMs: number,
  initMs: number,
): Result => {
  const waitedMs = Math.max(0, nowMs - invocation.receivedMs)
  const ownInitMs = Math.min(initMs, waitedMs)
  return {
    outcome,
    isolation: invocation.isolation,
    start: 'cold',
    sandboxId,
    queueMs: waitedMs - ownInitMs,
    initMs: ownInitMs,
    runMs: 0,
    memoryUsedBytes: null,
    cpuMs: null,
    logs: noLogs,
  }
}
