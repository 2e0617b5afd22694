// Collects everything wrong with a request, so that the caller hears of all of it at once.

import type { ErrorDetail } from '@hearth/protocol'
import { HearthError } from '../domain/hearth-error.ts'

export class Faults {
  readonly #details: ErrorDetail[] = []

  add(path: string, message: string): void {
    this.#details.push({ path, message })
  }

  throwIfAny(): void {
    const [first, ...others] = this.#details
    if (first === undefined) return
    const message =
      others.length === 0 ? `${first.path}: ${first.message}` : `The request has ${others.length + 1} faults.`
    throw new HearthError('invalid_request', message, { details: this.#details })
  }
}
