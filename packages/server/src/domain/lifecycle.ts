// What happened, told to whoever listens (telemetry, later the dashboard). The request path only announces.

import type { Isolation, StartWord } from '@hearth/protocol'
import type { InvocationRecord } from './invocation.ts'

export interface LifecycleEvents {
  'invocation.finished': InvocationRecord
  'invocation.throttled': { functionId: string; functionName: string; isolation: Isolation; language: string }
  'sandbox.created': { sandboxId: string; isolation: Isolation; runtime: string; tookMs: number }
  'sandbox.bound': { sandboxId: string; isolation: Isolation; versionId: string; start: StartWord; initMs: number }
  'sandbox.frozen': { sandboxId: string }
  'sandbox.thawed': { sandboxId: string }
  'sandbox.destroyed': { sandboxId: string; isolation: Isolation; reason: string }
}

export type LifecycleEventName = keyof LifecycleEvents

/** Delivers in order, synchronously; a listener that throws is logged and never disturbs the announcer. */
export class Lifecycle {
  readonly #listeners = new Map<LifecycleEventName, ((event: never) => void)[]>()
  readonly #onListenerFault: (fault: unknown) => void

  constructor(onListenerFault: (fault: unknown) => void) {
    this.#onListenerFault = onListenerFault
  }

  on<N extends LifecycleEventName>(name: N, listener: (event: LifecycleEvents[N]) => void): void {
    const listeners = this.#listeners.get(name) ?? []
    listeners.push(listener as (event: never) => void)
    this.#listeners.set(name, listeners)
  }

  announce<N extends LifecycleEventName>(name: N, event: LifecycleEvents[N]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        ;(listener as (event: LifecycleEvents[N]) => void)(event)
      } catch (fault) {
        this.#onListenerFault(fault)
      }
    }
  }
}
