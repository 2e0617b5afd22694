// Keeps every finished invocation: in memory at once, in the store in batches. A call never waits for it, and nothing
// that goes wrong here reaches a call. When the store cannot keep up, the oldest waiting records are given up, counted.

import type { Clock } from '../domain/clock.ts'
import { HearthError } from '../domain/hearth-error.ts'
import type { InvocationRecord } from '../domain/invocation.ts'
import type { Lifecycle } from '../domain/lifecycle.ts'
import type { Log } from '../domain/log.ts'
import type { InvocationQuery, InvocationStore } from '../domain/store.ts'

export interface RecorderSettings {
  readonly keep: number
  readonly keepMs: number
}

/** A batch is one transaction: small enough to commit in a moment, large enough that a busy server commits rarely. */
const batchMax = 2_000
const flushEveryMs = 250
/** What may wait in memory while the store is slow or away. */
const waitingMax = 50_000
const waitingLogBytesMax = 64 * 1024 * 1024
const retryMaxMs = 10_000
const pruneEveryMs = 60_000

export interface RecorderCounters {
  readonly waiting: number
  readonly written: number
  readonly givenUp: number
  readonly failures: number
}

export class InvocationRecorder {
  readonly #store: InvocationStore
  readonly #clock: Clock
  readonly #log: Log
  readonly #settings: RecorderSettings
  /** In the order they finished; found here until the store has them. */
  readonly #waiting = new Map<string, InvocationRecord>()
  #waitingLogBytes = 0
  #timer: NodeJS.Timeout | null = null
  #writing: Promise<void> | null = null
  #pruning: Promise<void> | null = null
  #retryMs = flushEveryMs
  #written = 0
  #givenUp = 0
  #failures = 0
  #prunedMs: number
  #closed = false

  constructor(
    parts: { store: InvocationStore; lifecycle: Lifecycle; clock: Clock; log: Log },
    settings: RecorderSettings,
  ) {
    this.#store = parts.store
    this.#clock = parts.clock
    this.#log = parts.log
    this.#settings = settings
    this.#prunedMs = parts.clock.nowMs()
    parts.lifecycle.on('invocation.finished', (record) => this.#take(record))
  }

  get counters(): RecorderCounters {
    return {
      waiting: this.#waiting.size,
      written: this.#written,
      givenUp: this.#givenUp,
      failures: this.#failures,
    }
  }

  async find(requestId: string): Promise<InvocationRecord | null> {
    return this.#waiting.get(requestId) ?? (await this.#store.find(requestId))
  }

  /** Newest first: what waits in memory and what is stored, as one list. */
  async list(query: InvocationQuery): Promise<InvocationRecord[]> {
    // Memory first: a record that is stored in between is then seen twice rather than not at all.
    const waiting = [...this.#waiting.values()].filter((record) => matches(record, query))
    const stored = await this.#store.list(query)
    const known = new Set(stored.map(({ requestId }) => requestId))
    return [...waiting.filter(({ requestId }) => !known.has(requestId)), ...stored]
      .sort(newestFirst)
      .slice(0, query.limit)
  }

  /** Writes everything that waits. Rejects when the store refuses. */
  async flush(): Promise<void> {
    while (this.#waiting.size > 0) {
      await this.#writing
      if (this.#waiting.size > 0) await this.#write()
    }
  }

  /** Takes nothing more; what waits is written if the store lets it. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    await this.#pruning
    try {
      await this.flush()
    } catch (fault) {
      this.#log.error({ err: fault, records: this.#waiting.size }, 'the last invocation records could not be written')
    }
  }

  #take(record: InvocationRecord): void {
    if (this.#closed) return
    this.#waiting.set(record.requestId, record)
    this.#waitingLogBytes += logBytes(record)
    while (this.#waiting.size > waitingMax || this.#waitingLogBytes > waitingLogBytesMax) this.#giveUpOldest()
    if (this.#timer === null) this.#later(flushEveryMs)
  }

  #giveUpOldest(): void {
    const [oldest] = this.#waiting.values()
    if (oldest === undefined) return
    this.#forget(oldest)
    this.#givenUp += 1
  }

  #forget(record: InvocationRecord): void {
    if (this.#waiting.delete(record.requestId)) this.#waitingLogBytes -= logBytes(record)
  }

  #later(afterMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null
      void this.#writeInBackground()
    }, afterMs)
    this.#timer.unref()
  }

  async #writeInBackground(): Promise<void> {
    let nextMs = flushEveryMs
    try {
      await this.#write()
      if (this.#waiting.size >= batchMax) nextMs = 0
      this.#retryMs = flushEveryMs
      this.#pruneIfDue()
    } catch (fault) {
      this.#failures += 1
      this.#log.warn(
        { err: fault, waiting: this.#waiting.size },
        'invocation records could not be written; trying again',
      )
      this.#retryMs = Math.min(retryMaxMs, this.#retryMs * 2)
      nextMs = this.#retryMs
    }
    if (this.#waiting.size > 0 && this.#timer === null && !this.#closed) this.#later(nextMs)
  }

  /** One batch. A second caller waits for the first, then writes what is left. */
  async #write(): Promise<void> {
    if (this.#writing !== null) return await this.#writing
    const batch: InvocationRecord[] = []
    for (const record of this.#waiting.values()) {
      batch.push(record)
      if (batch.length === batchMax) break
    }
    this.#writing = this.#append(batch)
    try {
      await this.#writing
    } finally {
      this.#writing = null
    }
    for (const record of batch) this.#forget(record)
  }

  async #append(batch: readonly InvocationRecord[]): Promise<void> {
    try {
      await this.#store.append(batch)
      this.#written += batch.length
    } catch (fault) {
      if (isPassing(fault)) throw fault
      for (const record of batch) await this.#appendAlone(record)
    }
  }

  /** For a batch with a record in it that the store will never take: only that one is lost. */
  async #appendAlone(record: InvocationRecord): Promise<void> {
    try {
      await this.#store.append([record])
      this.#written += 1
    } catch (fault) {
      if (isPassing(fault)) throw fault
      this.#givenUp += 1
      this.#log.error({ err: fault, requestId: record.requestId }, 'an invocation record was refused by the store')
    }
  }

  /** Beside the writing, because a store far over its limits takes a while to shrink. */
  #pruneIfDue(): void {
    if (this.#pruning !== null || this.#clock.nowMs() - this.#prunedMs < pruneEveryMs) return
    this.#prunedMs = this.#clock.nowMs()
    this.#pruning = this.#prune().finally(() => {
      this.#pruning = null
    })
  }

  async #prune(): Promise<void> {
    const sinceMs = this.#clock.wallMs() - this.#settings.keepMs
    try {
      // Each step is small; as long as there is something to remove, another one follows.
      while (!this.#closed && (await this.#store.prune({ keep: this.#settings.keep, sinceMs })) > 0);
    } catch (fault) {
      this.#log.warn({ err: fault }, 'old invocation records could not be removed; trying again later')
    }
  }
}

/** The store is away for now; what it refuses in any other way it will always refuse. */
const isPassing = (fault: unknown): boolean => fault instanceof HearthError && fault.code === 'storage_unavailable'

/** What a line takes beside its text: an object in memory, marks around it in the store. */
const lineBytes = 64

const logBytes = ({ logs }: InvocationRecord): number => {
  let bytes = lineBytes * logs.lines.length
  for (const { text } of logs.lines) bytes += text.length
  return bytes
}

/** Request ids are time-ordered. */
const newestFirst = (a: InvocationRecord, b: InvocationRecord): number => (a.requestId < b.requestId ? 1 : -1)

const matches = (record: InvocationRecord, { functionId, outcome, before }: InvocationQuery): boolean =>
  (functionId === undefined || record.functionId === functionId) &&
  (outcome === undefined || record.outcome === outcome) &&
  (before === undefined || record.requestId < before)
