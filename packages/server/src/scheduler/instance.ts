// A place bound to one version: takes its calls, knows how busy it is, measures what they use.

import type { StartWord } from '@hearth/protocol'
import type { Clock } from '../domain/clock.ts'
import type { Place } from './place.ts'
import type { Ticket } from './ticket.ts'

/** Reading counters costs a few microseconds; calls that come faster than this share one reading. */
const sampleEveryMs = 5

export interface Usage {
  readonly memoryUsedBytes: number | null
  readonly cpuMs: number | null
}

export class Instance {
  readonly place: Place
  /** Sandbox and handler load together: what the first call had to wait for. */
  readonly initMs: number
  /** How the next call's instance came to be; `warm` after the first. */
  #start: StartWord
  idleSinceMs: number
  #sampledMs: number
  #cpuMicros: number
  #callsSinceSample = 0
  #usage: Usage = { memoryUsedBytes: null, cpuMs: null }
  #lostToMemory = false
  #served = 0

  constructor(place: Place, start: 'cold' | 'pool', initMs: number, clock: Clock) {
    this.place = place
    this.initMs = initMs
    this.#start = start
    this.idleSinceMs = clock.nowMs()
    this.#sampledMs = this.idleSinceMs
    this.#cpuMicros = place.sandbox.stats().cpuMicros ?? 0
  }

  get id(): string {
    return this.place.sandbox.id
  }

  get outstanding(): number {
    return this.place.session.outstanding
  }

  /** The kernel has killed something inside for want of memory: what survived is not trusted. */
  get lostToMemory(): boolean {
    return this.#lostToMemory
  }

  /** Calls that ended here. */
  get served(): number {
    return this.#served
  }

  takeStart(): StartWord {
    const start = this.#start
    this.#start = 'warm'
    return start
  }

  send(ticket: Ticket): void {
    ticket.instance = this
    this.place.session.call(ticket)
    this.place.thaw()
  }

  /** What a call that just ended has used. Fast calls between two readings are given their average. */
  measure(nowMs: number): Usage {
    this.#served += 1
    this.#callsSinceSample += 1
    if (nowMs - this.#sampledMs < sampleEveryMs) return this.#usage
    const stats = this.place.sandbox.stats()
    const cpuMs =
      stats.cpuMicros === null ? null : Math.max(0, stats.cpuMicros - this.#cpuMicros) / 1000 / this.#callsSinceSample
    this.#usage = { memoryUsedBytes: stats.memoryMaxBytes, cpuMs }
    this.#cpuMicros = stats.cpuMicros ?? 0
    this.#sampledMs = nowMs
    this.#callsSinceSample = 0
    this.#lostToMemory = (stats.oomKills ?? 0) > 0
    return this.#usage
  }
}
