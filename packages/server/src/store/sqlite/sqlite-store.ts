// The default store: one SQLite file in the data folder, owned by a thread of its own. What it has acknowledged is on
// the disk (write-ahead log, synchronous=FULL) and survives kill -9 and loss of power.

import { closeSync, fsyncSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Kysely } from 'kysely'
import { HearthError } from '../../domain/hearth-error.ts'
import { type Log, silentLog } from '../../domain/log.ts'
import type { FunctionStore, InvocationStore, KeyStore, SettingStore, Store } from '../../domain/store.ts'
import { migrate } from '../migrate.ts'
import { migrationsFor } from '../migrations/index.ts'
import { FunctionRepository } from '../repositories/function-repository.ts'
import { InvocationRepository } from '../repositories/invocation-repository.ts'
import { KeyRepository } from '../repositories/key-repository.ts'
import { SettingRepository } from '../repositories/setting-repository.ts'
import type { Tables } from '../tables.ts'
import { chooseBackend, type SqliteBackend } from './sqlite-backend.js'
import { sqliteDialect, sqliteTraits } from './sqlite-dialect.ts'
import { damaged } from './sqlite-error.ts'
import { SqliteThread } from './sqlite-thread.ts'

export interface SqliteStoreOptions {
  /** The database file; made, with its -wal and -shm neighbours, readable for this user only. */
  readonly path: string
  readonly log?: Log
  readonly backend?: SqliteBackend
  readonly busyTimeoutMs?: number
}

/** What is read whole at every start; above it only the tables that cannot be lost without loss. */
const wholeCheckBytesMax = 256 * 1024 * 1024
const preciousTables = ['functions', 'versions', 'keys', 'settings'] as const

export class SqliteStore implements Store {
  readonly functions: FunctionStore
  readonly invocations: InvocationStore
  readonly keys: KeyStore
  readonly settings: SettingStore
  readonly #path: string
  readonly #log: Log
  readonly #thread: SqliteThread
  readonly #db: Kysely<Tables>

  constructor({ path, log = silentLog, backend = chooseBackend(), busyTimeoutMs = 5_000 }: SqliteStoreOptions) {
    this.#path = path
    this.#log = log
    this.#thread = new SqliteThread({ path, backend, busyTimeoutMs })
    this.#db = new Kysely<Tables>({ dialect: sqliteDialect(this.#thread) })
    this.functions = new FunctionRepository(this.#db)
    this.invocations = new InvocationRepository(this.#db, this.#thread)
    this.keys = new KeyRepository(this.#db)
    this.settings = new SettingRepository(this.#db)
  }

  async open(): Promise<void> {
    try {
      makePrivateFile(this.#path)
      await this.#thread.open()
      // The log file would keep the size of the largest burst for ever; foreign keys are off unless asked for.
      await this.#thread.exec(`
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA foreign_keys = ON;
        PRAGMA journal_size_limit = 67108864;
      `)
      await this.#check()
      const taken = await migrate(this.#db as Kysely<unknown>, migrationsFor(sqliteTraits))
      if (taken.length > 0) this.#log.info({ path: this.#path, steps: taken }, 'database brought up to date')
    } catch (fault) {
      await this.close()
      throw this.#named(fault)
    }
  }

  async close(): Promise<void> {
    await this.#thread.close()
  }

  /** Who starts a server has to know which file; who calls it must not. */
  #named(fault: unknown): unknown {
    if (!(fault instanceof HearthError)) return fault
    return new HearthError(fault.code, `${this.#path}: ${fault.message}`, { cause: fault.cause })
  }

  async #check(): Promise<void> {
    const whole = statSync(this.#path).size <= wholeCheckBytesMax
    const checks = whole ? ['PRAGMA quick_check(1)'] : preciousTables.map((table) => `PRAGMA quick_check(${table})`)
    for (const check of checks) {
      const { rows } = await this.#thread.query(check, [])
      const finding = rows[0]?.quick_check
      if (finding !== 'ok') throw new HearthError('storage_unavailable', damaged(String(finding)))
    }
  }
}

/** Before SQLite does: it would make the file readable for everyone, and its neighbours inherit the mode. */
function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600))
    const folder = openSync(dirname(path), 'r')
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
  } catch (cause) {
    throw new HearthError('storage_unavailable', `The database cannot be opened: ${(cause as Error).message}`, {
      cause,
    })
  }
}
