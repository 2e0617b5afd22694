// What SQLite says, in Hearth's words: a place that cannot store now, a value that is taken, or a fault of our own.

import { HearthError } from '../../domain/hearth-error.ts'
import { UniqueViolation } from '../fault.ts'

/** https://www.sqlite.org/rescode.html; the low byte of an extended code is the primary one. */
const CODE = {
  perm: 3,
  busy: 5,
  locked: 6,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  notadb: 26,
  constraintPrimaryKey: 1555,
  constraintUnique: 2067,
} as const

export class SqliteError extends Error {
  override readonly name = 'SqliteError'
  readonly resultCode: number | null

  constructor(message: string, resultCode: number | null) {
    super(message)
    this.resultCode = resultCode
  }
}

/** The message reaches callers: it names no path. */
export function inStoreWords(error: SqliteError): Error {
  const { resultCode } = error
  if (resultCode === null) return error
  if (resultCode === CODE.constraintUnique || resultCode === CODE.constraintPrimaryKey) {
    const column = /UNIQUE constraint failed: (\S+?)(,|$)/.exec(error.message)?.[1]
    return column === undefined ? error : new UniqueViolation(column, { cause: error })
  }
  const reason = whyUnavailable(resultCode & 0xff)
  return reason === null ? error : new HearthError('storage_unavailable', reason, { cause: error, retryAfterSeconds })
}

/** Long enough to make room on a disk, short enough to notice that there is some. */
const retryAfterSeconds = 5

function whyUnavailable(primaryCode: number): string | null {
  switch (primaryCode) {
    case CODE.full:
      return 'There is no space left on the disk of the database. Nothing was changed; writing works again as soon as there is room.'
    case CODE.ioerr:
      return "The disk of the database failed to read or write. Nothing was changed; the system's log has the cause."
    case CODE.readonly:
    case CODE.perm:
      return 'The database cannot be written: the file, its folder or the disk is read-only for the server.'
    case CODE.cantopen:
      return 'The database cannot be opened: its folder is missing, or the server may not write there.'
    case CODE.busy:
    case CODE.locked:
      return 'The database is locked by another program. Close it (a second server, a database shell, a backup) and try again.'
    case CODE.corrupt:
    case CODE.notadb:
      return damaged('SQLite cannot make sense of it')
    default:
      return null
  }
}

/** For whoever has lost a disk: what happened, and that the way on is a backup rather than a repair by luck. */
export const damaged = (finding: string): string =>
  `The database is damaged (${finding}). Stop Hearth, keep the file and its -wal and -shm neighbours for ` +
  'examination, and put the last backup in their place.'
