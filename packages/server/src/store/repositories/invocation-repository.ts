// Records of finished calls. Appended in bulk, read in pages, forgotten oldest first in small transactions, so that
// nobody who writes something more important waits long.

import { type Insertable, type Kysely, sql } from 'kysely'
import { type InvocationRecord, noLogs } from '../../domain/invocation.ts'
import type { InvocationQuery, InvocationStore } from '../../domain/store.ts'
import { uuidFloor } from '../../lib/uuid.ts'
import type { InvocationsTable, Tables } from '../tables.ts'
import type { BulkStatement, BulkWriter } from './bulk-writer.ts'
import { invocationRow, logsOf, logsRow, recordOf } from './invocation-row.ts'

/** Small, because each chunk is handled in one go on the event loop while calls wait. */
const scanChunk = 250
const pruneChunk = 500
/** Most that one call of `prune` removes; whoever prunes regularly catches up. */
const pruneMax = 20_000
/** What logs may take on the disk; beyond it the oldest lose theirs and keep their record. */
const logBytesMax = 1024 * 1024 * 1024
/** How far the time inside a request id may run ahead of the record's own: a wall clock that was set back. */
const idSlackMs = 60_000

export class InvocationRepository implements InvocationStore {
  readonly #db: Kysely<Tables>
  readonly #bulk: BulkWriter
  readonly #logBytesMax: number
  /** What is stored, once it has been counted; counting again and again would read all of it. */
  #stored: { rows: number; logBytes: number } | null = null

  constructor(db: Kysely<Tables>, bulk: BulkWriter, limits: { logBytesMax: number } = { logBytesMax }) {
    this.#db = db
    this.#bulk = bulk
    this.#logBytesMax = limits.logBytesMax
  }

  async append(records: readonly InvocationRecord[]): Promise<void> {
    if (records.length === 0) return
    const rows = records.map(invocationRow)
    const logs = records.map(logsRow).filter((row) => row !== null)
    const statements = [this.#insertion('invocations', rows)]
    if (logs.length > 0) statements.push(this.#insertion('invocation_logs', logs))
    await this.#bulk.write(statements)
    if (this.#stored === null) return
    this.#stored.rows += records.length
    for (const { stored_bytes } of logs) this.#stored.logBytes += stored_bytes
  }

  async find(requestId: string): Promise<InvocationRecord | null> {
    const row = await this.#db
      .selectFrom('invocations')
      .selectAll()
      .where('request_id', '=', requestId)
      .executeTakeFirst()
    if (row === undefined) return null
    const logs = await this.#db
      .selectFrom('invocation_logs')
      .selectAll()
      .where('request_id', '=', requestId)
      .executeTakeFirst()
    return recordOf(row, logsOf(logs))
  }

  async list({ functionId, outcome, before, limit }: InvocationQuery): Promise<InvocationRecord[]> {
    let query = this.#db.selectFrom('invocations').selectAll().orderBy('request_id', 'desc').limit(limit)
    if (functionId !== undefined) query = query.where('function_id', '=', functionId)
    if (before !== undefined) query = query.where('request_id', '<', before)
    if (outcome !== undefined) query = query.where('outcome', '=', outcome)
    // Said once more as a literal, because only then can the index of failures be used.
    if (outcome !== undefined && outcome !== 'ok') query = query.where('outcome', '<>', sql.lit('ok'))
    const rows = await query.execute()
    return rows.map((row) => recordOf(row, noLogs))
  }

  async scan(sinceMs: number, each: (records: readonly InvocationRecord[]) => void): Promise<void> {
    let after = uuidFloor(sinceMs - idSlackMs)
    for (;;) {
      const rows = await this.#db
        .selectFrom('invocations')
        .selectAll()
        .where('request_id', '>', after)
        .orderBy('request_id')
        .limit(scanChunk)
        .execute()
      const records = rows.filter((row) => row.received_at_ms >= sinceMs).map((row) => recordOf(row, noLogs))
      if (records.length > 0) each(records)
      const last = rows.at(-1)
      if (last === undefined || rows.length < scanChunk) return
      after = last.request_id
    }
  }

  async prune({ keep, sinceMs }: { keep: number; sinceMs: number }): Promise<number> {
    const stored = await this.#countStored()
    let gone = 0
    while (gone < pruneMax) {
      const removed = await this.#pruneRecords(stored.rows - keep, sinceMs)
      if (removed === 0) break
      stored.rows -= removed
      gone += removed
    }
    for (let chunks = 0; stored.logBytes > this.#logBytesMax && chunks * pruneChunk < pruneMax; chunks += 1) {
      await this.#pruneLogs(stored.logBytes - this.#logBytesMax)
    }
    return gone
  }

  async #countStored(): Promise<{ rows: number; logBytes: number }> {
    if (this.#stored !== null) return this.#stored
    const { rows } = await this.#db
      .selectFrom('invocations')
      .select((select) => select.fn.countAll<number>().as('rows'))
      .executeTakeFirstOrThrow()
    const { logBytes } = await this.#db
      .selectFrom('invocation_logs')
      .select((select) => select.fn.sum<number | null>('stored_bytes').as('logBytes'))
      .executeTakeFirstOrThrow()
    this.#stored = { rows: Number(rows), logBytes: Number(logBytes ?? 0) }
    return this.#stored
  }

  async #pruneRecords(excess: number, sinceMs: number): Promise<number> {
    const oldest = this.#db.selectFrom('invocations').select('request_id').orderBy('request_id')
    const doomed =
      excess > 0
        ? await oldest.limit(Math.min(excess, pruneChunk)).execute()
        : await oldest
            .where('request_id', '<', uuidFloor(sinceMs + idSlackMs))
            .where('received_at_ms', '<', sinceMs)
            .limit(pruneChunk)
            .execute()
    if (doomed.length === 0) return 0
    const ids = doomed.map(({ request_id }) => request_id)
    await this.#removeLogs(ids)
    const { numDeletedRows } = await this.#db
      .deleteFrom('invocations')
      .where('request_id', 'in', ids)
      .executeTakeFirst()
    return Number(numDeletedRows)
  }

  async #pruneLogs(excessBytes: number): Promise<void> {
    const oldest = await this.#db
      .selectFrom('invocation_logs')
      .select(['request_id', 'stored_bytes'])
      .orderBy('request_id')
      .limit(pruneChunk)
      .execute()
    let bytes = 0
    const doomed = oldest.filter(({ stored_bytes }) => {
      if (bytes >= excessBytes) return false
      bytes += stored_bytes
      return true
    })
    await this.#removeLogs(doomed.map(({ request_id }) => request_id))
  }

  async #removeLogs(ids: readonly string[]): Promise<void> {
    const removed = await this.#db
      .deleteFrom('invocation_logs')
      .where('request_id', 'in', ids)
      .returning('stored_bytes')
      .execute()
    if (this.#stored === null) return
    for (const { stored_bytes } of removed) this.#stored.logBytes -= stored_bytes
  }

  /** A batch whose first attempt was written although it seemed to fail comes again: those rows are left as they are. */
  #insertion<T extends 'invocations' | 'invocation_logs'>(
    table: T,
    rows: readonly Insertable<Tables[T]>[],
  ): BulkStatement {
    const [first] = rows as readonly Insertable<InvocationsTable>[]
    if (first === undefined) throw new Error('there is nothing to insert')
    const { sql: text } = this.#db
      .insertInto<'invocations' | 'invocation_logs'>(table)
      .values(first)
      .onConflict((conflict) => conflict.column('request_id').doNothing())
      .compile()
    return { sql: text, rows: rows.map((row) => Object.values(row)) }
  }
}
