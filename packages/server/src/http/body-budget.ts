// What request bodies may take of the server's memory together. Without it anybody who may open connections could fill it,
// each of them within its own limit.

import type { ServerResponse } from 'node:http'
import { HearthError } from '../domain/hearth-error.ts'

/** Bodies below this are not worth counting: a full house of them is smaller than one large one. */
const smallBytes = 64 * 1024

export class BodyBudget {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Counts a body that may come to `bytes` until its answer is out. Throws `overloaded` when there is no room. */
  take(bytes: number, response: ServerResponse): void {
    if (bytes <= smallBytes) return
    if (this.#bytes + bytes > this.#bytesMax) {
      throw new HearthError('overloaded', 'Too many large requests are being read at once.', { retryAfterSeconds: 1 })
    }
    this.#bytes += bytes
    response.once('close', () => {
      this.#bytes -= bytes
    })
  }
}

/** One for the whole process, because there is one memory. */
export const bodyBudget = new BodyBudget(256 * 1024 * 1024)
