// What has been going on, summed up: in total, by function, by language, by walls. Rebuilt from the stored invocations at
// the start, so that a restart does not forget the last day.

import type { Isolation, Language, MetricsSummary } from '@hearth/protocol'
import type { InvocationRecord } from '../domain/invocation.ts'
import type { Lifecycle } from '../domain/lifecycle.ts'
import type { InvocationStore } from '../domain/store.ts'
import { Tally } from './tally.ts'

/** How far back the book reaches after a restart. */
const rememberMs = 24 * 3600 * 1000
/** Rows of functions that come and go; beyond this the one first heard of goes first. */
const functionsMax = 20_000

type Told = Pick<
  InvocationRecord,
  'functionId' | 'functionName' | 'language' | 'isolation' | 'outcome' | 'start' | 'totalMs'
>

export class MetricsBook {
  readonly #total = new Tally()
  /** First heard of first. */
  readonly #functions = new Map<string, { name: string; tally: Tally }>()
  readonly #languages = new Map<Language, Tally>()
  readonly #isolations = new Map<Isolation, Tally>()
  readonly #sinceMs: number
  readonly #openedMs: number

  constructor(lifecycle: Lifecycle, nowWallMs: number) {
    this.#sinceMs = nowWallMs - rememberMs
    this.#openedMs = nowWallMs
    lifecycle.on('invocation.finished', (record) => this.#add(record))
    lifecycle.on('invocation.throttled', ({ functionId, functionName, language, isolation }) => {
      this.#total.throttle()
      this.#function(functionId, functionName).throttle()
      tallyOf(this.#languages, language).throttle()
      tallyOf(this.#isolations, isolation).throttle()
    })
  }

  /** May go on while calls are served: those of this life are counted as they finish, not as they are found stored. */
  async load(store: InvocationStore): Promise<void> {
    await store.scan(this.#sinceMs, (records) => {
      for (const record of records) if (record.receivedAtMs < this.#openedMs) this.#add(record)
    })
  }

  summary(): MetricsSummary {
    return {
      since: new Date(this.#sinceMs).toISOString(),
      total: this.#total.row,
      functions: [...this.#functions].map(([function_id, { name, tally }]) => ({
        function_id,
        function_name: name,
        ...tally.row,
      })),
      languages: [...this.#languages].map(([language, tally]) => ({ language, ...tally.row })),
      isolations: [...this.#isolations].map(([isolation, tally]) => ({ isolation, ...tally.row })),
    }
  }

  #add(record: Told): void {
    this.#total.add(record)
    this.#function(record.functionId, record.functionName).add(record)
    tallyOf(this.#languages, record.language).add(record)
    tallyOf(this.#isolations, record.isolation).add(record)
  }

  #function(id: string, name: string): Tally {
    const known = this.#functions.get(id)
    if (known !== undefined) {
      known.name = name
      return known.tally
    }
    if (this.#functions.size >= functionsMax) {
      const [oldest] = this.#functions.keys()
      if (oldest !== undefined) this.#functions.delete(oldest)
    }
    const tally = new Tally()
    this.#functions.set(id, { name, tally })
    return tally
  }
}

function tallyOf<K>(tallies: Map<K, Tally>, key: K): Tally {
  const known = tallies.get(key)
  if (known !== undefined) return known
  const tally = new Tally()
  tallies.set(key, tally)
  return tally
}
