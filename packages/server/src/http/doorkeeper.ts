// Decides who comes in: a bearer key that is valid and whose scopes allow the thing asked for.

import type { IncomingMessage } from 'node:http'
import type { Scope } from '@hearth/protocol'
import { HearthError } from '../domain/hearth-error.ts'
import { Attempts } from './attempts.ts'

export interface Principal {
  readonly id: string
  readonly scopes: readonly Scope[]
}

export interface KeyVerifier {
  /** Who a key belongs to, or null when it is not valid now. */
  verify(key: string): Principal | null
}

export class Doorkeeper {
  readonly #keys: KeyVerifier
  readonly #attempts: Attempts

  constructor(parts: { keys: KeyVerifier; nowMs: () => number }) {
    this.#keys = parts.keys
    this.#attempts = new Attempts(parts.nowMs)
  }

  /** `scope` null: any valid key will do. Throws `unauthorized`, `too_many_attempts` or `forbidden`. */
  admit(request: IncomingMessage, scope: Scope | null): Principal {
    const key = bearer(request.headers.authorization)
    if (key === null) {
      throw new HearthError('unauthorized', 'Send a key: `Authorization: Bearer <key>`.')
    }
    const principal = this.#keys.verify(key)
    if (principal === null) throw this.#refuse(request.socket.remoteAddress ?? '')
    if (scope !== null && !allows(principal, scope)) {
      throw new HearthError('forbidden', `This needs a key with the scope \`${scope}\`.`)
    }
    return principal
  }

  #refuse(address: string): HearthError {
    const waitMs = this.#attempts.countWrong(address)
    return waitMs === 0
      ? new HearthError('unauthorized', 'The key is not valid: unknown, mistyped, expired or revoked.')
      : new HearthError('too_many_attempts', 'Too many wrong keys came from this address.', {
          retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
        })
  }
}

export const allows = (principal: Principal, scope: Scope): boolean =>
  principal.scopes.includes(scope) || principal.scopes.includes('admin')

function bearer(header: string | undefined): string | null {
  if (header === undefined || header.length < 8) return null
  return header.slice(0, 7).toLowerCase() === 'bearer ' ? header.slice(7) : null
}
