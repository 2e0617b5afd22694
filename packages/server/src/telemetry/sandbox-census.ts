// How many sandboxes there are and what they are doing, counted from what is announced of them.

import type { Isolation } from '@hearth/protocol'
import type { Lifecycle } from '../domain/lifecycle.ts'

export interface Census {
  readonly alive: number
  readonly frozen: number
  readonly created: number
  readonly destroyed: number
  readonly by_isolation: Readonly<Record<string, number>>
}

export class SandboxCensus {
  readonly #alive = new Map<string, Isolation>()
  readonly #frozen = new Set<string>()
  #created = 0
  #destroyed = 0

  constructor(lifecycle: Lifecycle) {
    lifecycle.on('sandbox.created', ({ sandboxId, isolation }) => {
      this.#created += 1
      this.#alive.set(sandboxId, isolation)
    })
    lifecycle.on('sandbox.frozen', ({ sandboxId }) => this.#frozen.add(sandboxId))
    lifecycle.on('sandbox.thawed', ({ sandboxId }) => this.#frozen.delete(sandboxId))
    lifecycle.on('sandbox.destroyed', ({ sandboxId }) => {
      this.#frozen.delete(sandboxId)
      if (this.#alive.delete(sandboxId)) this.#destroyed += 1
    })
  }

  get census(): Census {
    const byIsolation: Record<string, number> = {}
    for (const isolation of this.#alive.values()) byIsolation[isolation] = (byIsolation[isolation] ?? 0) + 1
    return {
      alive: this.#alive.size,
      frozen: this.#frozen.size,
      created: this.#created,
      destroyed: this.#destroyed,
      by_isolation: byIsolation,
    }
  }
}
