// Collects a request's body, never more of it than the route takes.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { HearthError } from '../domain/hearth-error.ts'
import { bodyBudget } from './body-budget.ts'
import { CallerLeft } from './reply.ts'

const nothing = Buffer.alloc(0)

/**
 * Rejects with `payload_too_large`, before the first byte where the length is announced; with `CallerLeft` when the
 * connection breaks. A caller that waits to be asked for the body is asked only here, after all other checks.
 */
export function readBody(request: IncomingMessage, response: ServerResponse, bytesMax: number): Promise<Buffer> {
  const { headers } = request
  const announced = headers['content-length']
  if (announced === undefined && headers['transfer-encoding'] === undefined) return Promise.resolve(nothing)
  if (announced !== undefined && Number(announced) > bytesMax) return Promise.reject(tooLarge(bytesMax))
  try {
    // A body that does not say how long it is may be as long as the route allows.
    bodyBudget.take(announced === undefined ? bytesMax : Number(announced), response)
  } catch (fault) {
    return Promise.reject(fault)
  }
  if (headers.expect !== undefined) response.writeContinue()
  return new Promise((resolve, reject) => {
    let first: Buffer = nothing
    let chunks: Buffer[] | null = null
    let length = 0
    const onData = (chunk: Buffer): void => {
      length += chunk.length
      if (length > bytesMax) {
        request.removeListener('data', onData)
        chunks = null
        reject(tooLarge(bytesMax))
        // What is still coming is skipped.
        request.resume()
      } else if (chunks !== null) chunks.push(chunk)
      else if (first.length === 0) first = chunk
      else chunks = [first, chunk]
    }
    request.on('data', onData)
    request.on('end', () => resolve(chunks === null ? first : Buffer.concat(chunks, length)))
    request.on('error', () => reject(new CallerLeft('the connection broke')))
  })
}

const tooLarge = (bytesMax: number): HearthError =>
  new HearthError('payload_too_large', `The body is larger than ${bytesMax} bytes.`)
