// Teaches Kysely to talk to the database thread.

import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely'
import type { DialectTraits } from '../dialect-traits.ts'
import type { SqliteThread } from './sqlite-thread.ts'

export const sqliteTraits: DialectTraits = {
  integer: 'integer',
  real: 'real',
  bytes: 'blob',
  // Without STRICT a column takes values of any type, whatever it was declared as.
  tableOptions: sql`strict`,
  keyOrderOptions: sql`strict, without rowid`,
}

export const sqliteDialect = (thread: SqliteThread): Dialect => ({
  createAdapter: () => new TransactionalSqliteAdapter(),
  createDriver: () => new SqliteThreadDriver(thread),
  createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
  createQueryCompiler: () => new SqliteQueryCompiler(),
})

/** SQLite rolls schema changes back like any other; Kysely's own adapter does not use that. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class SqliteThreadDriver implements Driver {
  readonly #thread: SqliteThread
  readonly #connection: DatabaseConnection
  /** Ends the turn of whoever holds the one connection. */
  #endTurn = (): void => {}

  constructor(thread: SqliteThread) {
    this.#thread = thread
    this.#connection = new SqliteThreadConnection(thread)
  }

  async init(): Promise<void> {}

  acquireConnection(): Promise<DatabaseConnection> {
    return new Promise((resolve) => {
      void this.#thread.hold(
        () =>
          new Promise<void>((endTurn) => {
            this.#endTurn = endTurn
            resolve(this.#connection)
          }),
      )
    })
  }

  async releaseConnection(): Promise<void> {
    this.#endTurn()
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    // IMMEDIATE takes the write lock now: a transaction that reads first could otherwise fail when it comes to writing.
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await connection.executeQuery(CompiledQuery.raw('commit'))
    } catch (fault) {
      // A commit that failed on a full disk leaves its transaction open, and Kysely does not roll back after it.
      await this.rollbackTransaction(connection)
      throw fault
    }
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // After some faults SQLite has rolled back already; the fault itself is what the caller needs to hear of.
    await connection.executeQuery(CompiledQuery.raw('rollback')).catch(() => {})
  }

  async destroy(): Promise<void> {
    await this.#thread.close()
  }
}

class SqliteThreadConnection implements DatabaseConnection {
  readonly #thread: SqliteThread

  constructor(thread: SqliteThread) {
    this.#thread = thread
  }

  async executeQuery<R>({ sql: text, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = await this.#thread.query(text, parameters)
    return { rows: rows as R[], numAffectedRows: BigInt(changes) }
  }

  // biome-ignore lint/correctness/useYield: the port asks for it, the store pages by key instead
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('the database thread answers whole results; read large ones in pages')
  }
}
