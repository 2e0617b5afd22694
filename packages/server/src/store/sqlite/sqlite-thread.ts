// The gateway's side of the database thread: sends a request, gets its answer. One at a time may hold the connection, so
// that nothing slips into somebody else's transaction.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { HearthError } from '../../domain/hearth-error.ts'
import { Turnstile } from '../../lib/turnstile.ts'
import type { BulkStatement, BulkWriter } from '../repositories/bulk-writer.ts'
import type { SqliteBackend, SqliteResult } from './sqlite-backend.js'
import { inStoreWords, SqliteError } from './sqlite-error.ts'
import type { SqliteReply, SqliteRequest, SqliteWorkerData } from './sqlite-worker.js'

export interface SqliteThreadOptions {
  readonly path: string
  readonly backend: SqliteBackend
  /** How long SQLite waits for another program's lock. */
  readonly busyTimeoutMs: number
}

interface Waiting {
  readonly resolve: (result: SqliteResult) => void
  readonly reject: (fault: Error) => void
}

export class SqliteThread implements BulkWriter {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  readonly #turns = new Turnstile()
  #lastId = 0
  /** Why nothing can be asked any more. */
  #ended: Error | null = null

  constructor(options: SqliteThreadOptions) {
    const workerData: SqliteWorkerData = { ...options }
    this.#worker = new Worker(new URL('./sqlite-worker.js', import.meta.url), {
      name: 'hearth-sqlite',
      workerData,
      // The flags of the main program (a test runner's loader, say) are none of this thread's business.
      execArgv: [],
    })
    this.#worker.on('message', (reply: SqliteReply) => this.#settle(reply))
    this.#worker.on('error', (fault) => this.#end(fault))
    this.#worker.on('exit', () => this.#end(null))
  }

  /** Holds the connection while `work` runs; everybody else waits. */
  hold<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.pass('connection', work)
  }

  /** Only for whoever holds the connection. */
  query(sql: string, parameters: readonly unknown[]): Promise<SqliteResult> {
    return this.#ask({ kind: 'query', sql, parameters })
  }

  async write(statements: readonly BulkStatement[]): Promise<void> {
    await this.hold(() => this.#ask({ kind: 'bulk', statements }))
  }

  async open(): Promise<void> {
    await this.#ask({ kind: 'open' })
  }

  /** Several statements at once, without parameters. */
  async exec(sql: string): Promise<void> {
    await this.#ask({ kind: 'exec', sql })
  }

  async close(): Promise<void> {
    if (this.#ended !== null) return
    const gone = once(this.#worker, 'exit')
    await this.hold(() => this.#ask({ kind: 'close' }))
    await gone
  }

  #ask(request: SqliteRequest): Promise<SqliteResult> {
    if (this.#ended !== null) return Promise.reject(this.#ended)
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ ...request, id })
    })
  }

  #settle({ id, result, error }: SqliteReply): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === null) waiting?.resolve(result)
    else waiting?.reject(inStoreWords(new SqliteError(error.message, error.resultCode)))
  }

  #end(cause: Error | null): void {
    this.#ended ??= new HearthError('storage_unavailable', 'The database is closed.', { cause })
    for (const { reject } of this.#waiting.values()) reject(this.#ended)
    this.#waiting.clear()
  }
}
