// How faults reach a caller: a code, a message meant for them, a request id. What Hearth did wrong itself is logged
// here, once, and the caller only gets the id to ask about it.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { ERROR_CODES, type ErrorBody, HEADERS } from '@hearth/protocol'
import { HearthError } from '../domain/hearth-error.ts'
import type { Log } from '../domain/log.ts'
import { STATUS } from './status.ts'

export interface ErrorAnswer {
  readonly status: number
  /** name, value, name, value */
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** The connection broke while the request was still coming. Nobody is left to be answered. */
export class CallerLeft extends Error {
  override readonly name = 'CallerLeft'
}

const retryAfterSecondsDefault = 1

export function errorAnswer(fault: unknown, requestId: string, log: Log): ErrorAnswer {
  const error =
    fault instanceof HearthError ? fault : new HearthError('internal', ERROR_CODES.internal, { cause: fault })
  const status = STATUS[error.code]
  if (status >= 500) tell(error, requestId, log)
  const body: ErrorBody = {
    error: {
      code: error.code,
      message: error.code === 'internal' ? ERROR_CODES.internal : error.message,
      requestId,
      ...(error.details.length > 0 ? { details: error.details } : {}),
    },
  }
  const bytes = Buffer.from(JSON.stringify(body))
  const headers = [
    ...['content-type', 'application/json', 'content-length', String(bytes.length)],
    ...['cache-control', 'no-store', 'x-content-type-options', 'nosniff', HEADERS.requestId, requestId],
  ]
  if (status === 401) headers.push('www-authenticate', 'Bearer')
  if (status === 429 || error.retryAfterSeconds !== undefined) {
    headers.push('retry-after', String(Math.ceil(error.retryAfterSeconds ?? retryAfterSecondsDefault)))
  }
  return { status, headers, body: bytes }
}

/** Answers a request that failed before anything of an answer was sent. */
export function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  fault: unknown,
  requestId: string,
  log: Log,
): void {
  if (fault instanceof CallerLeft || response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const { status, headers, body } = errorAnswer(fault, requestId, log)
  response.writeHead(
    status,
    leavesConnectionUsable(request, fault) ? [...headers] : [...headers, 'connection', 'close'],
  )
  response.end(request.method === 'HEAD' ? undefined : body)
}

/**
 * A client that asked whether to send its body, and is told no, may send it or not; what comes next on the connection
 * could be either. Everyone else's unread body is skipped by Node, within the time a request may take.
 */
export function leavesConnectionUsable(request: IncomingMessage, fault: unknown): boolean {
  if (request.headers.expect !== undefined && !request.complete) return false
  return !(fault instanceof HearthError && ['malformed_request', 'draining'].includes(fault.code))
}

function tell(error: HearthError, requestId: string, log: Log): void {
  const fields = { requestId, code: error.code, err: error.cause ?? error }
  if (error.code === 'internal') log.error(fields, 'a request failed through a fault of Hearth')
  // The owner reads of a function's failure in the invocation's record; that the server shuts down is no news.
  else if (!error.code.startsWith('function_') && error.code !== 'draining') log.warn(fields, error.message)
}
