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

export function inStoreWords(error: SqliteError, path: string): Error {
  const { resultCode } = error
  if (resultCode === null) return error
  if (resultCode === CODE.constraintUnique || resultCode === CODE.constraintPrimaryKey) {
    const column = /UNIQUE constraint failed: (\S+?)(,|$)/.exec(error.message)?.[1]
    return column === undefined ? error : new UniqueViolation(column, { cause: error })
  }
  const reason = whyUnavailable(resultCode & 0xff, path)
  return reason === null
    ? error
    : new HearthError('storage_unavailable', reason, { cause: error, retryAfterSeconds: retryAfterSeconds })
}

/** Long enough to make room on a disk, short enough to notice that there is some. */
const retryAfterSeconds = 5

function whyUnavailable(primaryCode: number, path: string): string | null {
  switch (primaryCode) {
    case CODE.full:
      return `There is no space left on the disk of ${path}. Nothing was changed; writing works again as soon as there is room.`
    case CODE.ioerr:
      return `The disk of ${path} failed to read or write. Nothing was changed; see the system's log for the cause.`
    case CODE.readonly:
    case CODE.perm:
      return `${path} cannot be written: the file, its folder or the disk is read-only for this user.`
    case CODE.cantopen:
      return `${path} cannot be opened: the folder is missing, or this user may not write there.`
    case CODE.busy:
    case CODE.locked:
      return `${path} is locked by another program. Close it (a second server, a database shell, a backup) and try again.`
    case CODE.corrupt:
    case CODE.notadb:
      return damaged(path, 'SQLite cannot make sense of it')
    default:
      return null
  }
}

/** For whoever has lost a disk: what happened, and that the way on is a backup rather than a repair by luck. */
export const damaged = (path: string, finding: string): string =>
  `The database ${path} is damaged (${finding}). Stop Hearth, keep the file and its -wal and -shm neighbours for ` +
  'examination, and put the last backup in their place.'
