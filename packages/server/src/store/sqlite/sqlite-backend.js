// One SQLite, two bindings: the one built into Node where it is complete enough, else the `libsql` package (prebuilt,
// nothing to compile). The rest of the store sees only `SqliteConnection` and cannot tell which it got.

import { createRequire } from 'node:module'

/**
 * @typedef {{ rows: Record<string, unknown>[], changes: number }} SqliteResult
 *
 * @typedef {object} SqliteStatement
 * @property {(parameters: readonly unknown[]) => SqliteResult} run
 *
 * @typedef {object} SqliteConnection
 * @property {(sql: string) => SqliteStatement} prepare
 * @property {(sql: string) => void} exec
 * @property {() => void} close
 *
 * @typedef {'built-in' | 'libsql'} SqliteBackend
 */

const require = createRequire(import.meta.url)

/** Built in since 22.13, but only 22.16 and 24 can say whether a statement returns rows. @returns {SqliteBackend} */
export function chooseBackend(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major >= 24 || (major === 22 && minor >= 16) ? 'built-in' : 'libsql'
}

/**
 * @param {string} path
 * @param {{ backend: SqliteBackend, busyTimeoutMs: number }} options
 * @returns {SqliteConnection}
 */
export function openSqlite(path, { backend, busyTimeoutMs }) {
  return backend === 'built-in' ? openBuiltIn(path, busyTimeoutMs) : openLibsql(path, busyTimeoutMs)
}

/**
 * @param {string} path
 * @param {number} busyTimeoutMs
 * @returns {SqliteConnection}
 */
function openBuiltIn(path, busyTimeoutMs) {
  const { DatabaseSync } = requireQuietly('node:sqlite')
  const database = new DatabaseSync(path)
  database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
  return {
    prepare(sql) {
      const statement = database.prepare(sql)
      const returnsRows = statement.columns().length > 0
      return {
        run(parameters) {
          if (returnsRows) return { rows: statement.all(...parameters), changes: 0 }
          return { rows: [], changes: Number(statement.run(...parameters).changes) }
        },
      }
    },
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
  }
}

/**
 * @param {string} path
 * @param {number} busyTimeoutMs
 * @returns {SqliteConnection}
 */
function openLibsql(path, busyTimeoutMs) {
  const Database = require('libsql')
  const database = new Database(path, { timeout: busyTimeoutMs })
  database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
  return {
    prepare(sql) {
      const statement = database.prepare(sql)
      const returnsRows = statement.reader
      return {
        run(parameters) {
          if (returnsRows)
            return {
              rows: /** @type {Record<string, unknown>[]} */ (statement.all([...parameters])).map(withByteArrays),
              changes: 0,
            }
          return { rows: [], changes: statement.run([...parameters]).changes }
        },
      }
    },
    exec: (sql) => void database.exec(sql),
    close: () => database.close(),
  }
}

/** libsql hands blobs out as `ArrayBuffer`. @param {Record<string, unknown>} row */
function withByteArrays(row) {
  for (const name in row) {
    const value = row[name]
    if (value instanceof ArrayBuffer) row[name] = new Uint8Array(value)
  }
  return row
}

/**
 * The extended result code of SQLite behind an error of either binding, or null when SQLite did not speak.
 * @param {unknown} fault
 * @returns {number | null}
 */
export function resultCodeOf(fault) {
  const { errcode, rawCode, message } = /** @type {{ errcode?: number, rawCode?: number, message?: string }} */ (fault)
  if (typeof errcode === 'number') return errcode
  if (typeof rawCode === 'number') return rawCode
  // libsql tells a failed open in words only: `ConnectionFailed("Unable to open ... : 14")`
  const told = /^ConnectionFailed\(.*: (\d+)"?\)$/s.exec(message ?? '')
  return told?.[1] === undefined ? null : Number(told[1])
}

/** Node 22 announces its SQLite as experimental on stderr; users can do nothing about that. @param {string} name */
function requireQuietly(name) {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return require(name)
  } finally {
    process.emitWarning = emitWarning
  }
}
