import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { HearthError } from '../domain/hearth-error.ts'
import { Doorkeeper, type Principal } from './doorkeeper.ts'

const principals = new Map<string, Principal>([
  ['admin-key', { id: 'admin', scopes: ['admin'] }],
  ['read-key', { id: 'r', scopes: ['read'] }],
])

function make() {
  let nowMs = 0
  const keeper = new Doorkeeper({ keys: { verify: (key) => principals.get(key) ?? null }, nowMs: () => nowMs })
  const admit = (
    authorization: string | undefined,
    scope: 'read' | 'admin' | null = null,
    remoteAddress = '10.0.0.1',
  ) => {
    try {
      return keeper.admit({ headers: { authorization }, socket: { remoteAddress } } as IncomingMessage, scope).id
    } catch (fault) {
      if (fault instanceof HearthError) return { code: fault.code, wait: fault.retryAfterSeconds }
      throw fault
    }
  }
  return { admit, pass: (ms: number) => (nowMs += ms) }
}

describe('a doorkeeper', () => {
  it('admits valid keys whose scopes allow it', () => {
    const { admit } = make()
    expect(admit('Bearer admin-key', 'read')).toBe('admin')
    expect(admit('bearer read-key', 'read')).toBe('r')
    expect(admit('Bearer read-key')).toBe('r')
    expect(admit('Bearer read-key', 'admin')).toMatchObject({ code: 'forbidden' })
  })

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic YWRtaW4=',
    'admin-key',
    'Bearer  admin-key',
    'Bearer admin-key ',
  ])('admits nobody with %j', (header) => {
    expect(make().admit(header)).toMatchObject({ code: 'unauthorized' })
  })

  it('slows down whoever tries many keys, and nobody who has one', () => {
    const { admit, pass } = make()
    for (let guess = 0; guess < 20; guess += 1)
      expect(admit(`Bearer guess-${guess}`)).toMatchObject({ code: 'unauthorized' })
    pass(10_000)
    expect(admit('Bearer guess-21')).toEqual({ code: 'too_many_attempts', wait: 50 })
    expect(admit('Bearer read-key')).toBe('r')
    expect(admit('Bearer other', null, '10.0.0.2')).toMatchObject({ code: 'unauthorized' })
    pass(50_000)
    expect(admit('Bearer guess-22')).toMatchObject({ code: 'unauthorized' })
  })

  it('does not count requests without a key', () => {
    const { admit } = make()
    for (let request = 0; request < 50; request += 1) expect(admit(undefined)).toMatchObject({ code: 'unauthorized' })
  })
})
