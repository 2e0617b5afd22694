// The thread that owns the database: SQLite's calls block, and here they block nobody. Requests are answered in order.

import { parentPort, workerData } from 'node:worker_threads'
import { openSqlite, resultCodeOf } from './sqlite-backend.js'

/**
 * @typedef {{ path: string, backend: import('./sqlite-backend.js').SqliteBackend, busyTimeoutMs: number }} SqliteWorkerData
 *
 * @typedef {{ sql: string, rows: readonly (readonly unknown[])[] }} Bulk
 *
 * @typedef {{ kind: 'open' } | { kind: 'close' }
 *   | { kind: 'exec', sql: string }
 *   | { kind: 'query', sql: string, parameters: readonly unknown[] }
 *   | { kind: 'bulk', statements: readonly Bulk[] }} SqliteRequest
 *
 * @typedef {{ message: string, resultCode: number | null, stack: string | undefined }} SqliteReplyError
 * @typedef {{ id: number, result: import('./sqlite-backend.js').SqliteResult, error: null }
 *   | { id: number, result: null, error: SqliteReplyError }} SqliteReply
 */

/** Prepared statements kept for the next time, the least recently used going first. */
const preparedMax = 200

const { path, backend, busyTimeoutMs } = /** @type {SqliteWorkerData} */ (workerData)
const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort)

/** @type {import('./sqlite-backend.js').SqliteConnection | null} */
let connection = null
/** @type {Map<string, import('./sqlite-backend.js').SqliteStatement>} */
const prepared = new Map()

port.on('message', (/** @type {SqliteRequest & { id: number }} */ request) => {
  /** @type {SqliteReply} */
  let reply
  try {
    reply = { id: request.id, result: answer(request), error: null }
  } catch (fault) {
    const { message, stack } = fault instanceof Error ? fault : new Error(String(fault))
    reply = { id: request.id, result: null, error: { message, resultCode: resultCodeOf(fault), stack } }
  }
  port.postMessage(reply)
  if (request.kind === 'close') port.close()
})

/**
 * @param {SqliteRequest} request
 * @returns {import('./sqlite-backend.js').SqliteResult}
 */
function answer(request) {
  switch (request.kind) {
    case 'open':
      connection = openSqlite(path, { backend, busyTimeoutMs })
      return nothing
    case 'close':
      prepared.clear()
      connection?.close()
      connection = null
      return nothing
    case 'exec':
      opened().exec(request.sql)
      return nothing
    case 'query':
      return statement(request.sql).run(request.parameters)
    case 'bulk':
      return writeBulk(request.statements)
  }
}

/**
 * @param {readonly Bulk[]} statements
 * @returns {import('./sqlite-backend.js').SqliteResult}
 */
function writeBulk(statements) {
  let changes = 0
  opened().exec('BEGIN IMMEDIATE')
  try {
    for (const { sql, rows } of statements) {
      const insertion = statement(sql)
      for (const row of rows) changes += insertion.run(row).changes
    }
    opened().exec('COMMIT')
  } catch (fault) {
    rollBack()
    throw fault
  }
  return { rows: [], changes }
}

/** SQLite itself has rolled back after some faults (a full disk, for one); then there is nothing left to undo. */
function rollBack() {
  try {
    opened().exec('ROLLBACK')
  } catch {}
}

/** @param {string} sql */
function statement(sql) {
  const known = prepared.get(sql)
  if (known !== undefined) {
    prepared.delete(sql)
    prepared.set(sql, known)
    return known
  }
  const fresh = opened().prepare(sql)
  // A schema statement is run once, and could not be run again after the schema it was prepared for is gone.
  if (!/^\s*(select|insert|update|delete|begin|commit|rollback)\b/i.test(sql)) return fresh
  prepared.set(sql, fresh)
  for (const [oldest] of prepared) {
    if (prepared.size <= preparedMax) break
    prepared.delete(oldest)
  }
  return fresh
}

function opened() {
  if (connection === null) throw new Error('the database is not open')
  return connection
}

const nothing = { rows: [], changes: 0 }
