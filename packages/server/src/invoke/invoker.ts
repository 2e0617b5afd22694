// Takes a call from any door, gives it walls and hands it down; afterwards tells what happened. Everything that is
// decided about a call before it waits for a place is decided here.

import type { Isolation } from '@hearth/protocol'
import type { Clock } from '../domain/clock.ts'
import { HearthError } from '../domain/hearth-error.ts'
import type { Invocation, Result } from '../domain/invocation.ts'
import type { Lifecycle } from '../domain/lifecycle.ts'
import type { Walls } from '../domain/walls.ts'
import { checkNetwork, chooseIsolation } from './choose-isolation.ts'
import { invocationRecord } from './invocation-record.ts'

/** A call before it has its walls. */
export interface InvokeRequest extends Omit<Invocation, 'isolation'> {
  /** The walls this call asks for; null leaves it to the function. */
  readonly isolation: Isolation | null
}

/** What the doors see. */
export interface Invoker {
  /** Resolves however the function ended; rejects with a `HearthError` when the call never reached it. */
  invoke(request: InvokeRequest): Promise<Result>
}

/** The part of the scheduler that calls need. */
export interface Runner {
  run(invocation: Invocation): Promise<Result>
}

export class CallInvoker implements Invoker {
  readonly #runner: Runner
  readonly #walls: Walls
  readonly #lifecycle: Lifecycle

  constructor(dependencies: { runner: Runner; walls: Walls; lifecycle: Lifecycle }) {
    this.#runner = dependencies.runner
    this.#walls = dependencies.walls
    this.#lifecycle = dependencies.lifecycle
  }

  async invoke(request: InvokeRequest): Promise<Result> {
    const { config, functionId, functionName } = request.version
    const isolation = chooseIsolation(config, request.isolation, this.#walls)
    checkNetwork(config, isolation, this.#walls)
    try {
      return await this.#runner.run({ ...request, isolation })
    } catch (fault) {
      if (fault instanceof HearthError && fault.code === 'throttled') {
        this.#lifecycle.announce('invocation.throttled', {
          functionId,
          functionName,
          isolation,
          language: config.language,
        })
      }
      throw fault
    }
  }
}

/** The scheduler's `onFinished`: announces what is to be remembered of each call. */
export const announceFinished =
  (lifecycle: Lifecycle, clock: Clock) =>
  (invocation: Invocation, result: Result): void => {
    const receivedAtMs = clock.wallMs() - (clock.nowMs() - invocation.receivedMs)
    lifecycle.announce('invocation.finished', invocationRecord(invocation, result, Math.round(receivedAtMs)))
  }
