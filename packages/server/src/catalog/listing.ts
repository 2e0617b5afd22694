// Pages of things that have time-ordered ids. A cursor is the last id shown, so pages neither repeat nor skip anything
// when things are added or removed between them.

import { HearthError } from '../domain/hearth-error.ts'

export interface Listing<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export function listAfter<T extends { readonly id: string }>(
  all: Iterable<T>,
  limit: number,
  cursor: string | null,
): Listing<T> {
  const after = cursor === null ? '' : readCursor(cursor)
  const rest = [...all].filter(({ id }) => id > after).sort((one, other) => (one.id < other.id ? -1 : 1))
  const items = rest.slice(0, limit)
  const last = items.at(-1)
  return { items, next: last !== undefined && rest.length > limit ? makeCursor(last.id) : null }
}

export const makeCursor = (id: string): string => Buffer.from(`after ${id}`).toString('base64url')

export function readCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString()
  const id = text.slice('after '.length)
  if (text.startsWith('after ') && makeCursor(id) === cursor) return id
  const message = 'is not a cursor that an earlier page gave'
  throw new HearthError('invalid_request', `cursor: ${message}`, { details: [{ path: 'cursor', message }] })
}
