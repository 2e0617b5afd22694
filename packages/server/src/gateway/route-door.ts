// The functions port: every path is some function's own route, or nothing. Any method, any body; the function sees the
// request as AWS's payload 2.0 and answers with status, headers and body.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { CALL_KIND, LIMITS } from '@hearth/protocol'
import type { RouteMatch } from '../catalog/route-table.ts'
import type { Clock } from '../domain/clock.ts'
import type { FunctionRecord } from '../domain/function.ts'
import { HearthError } from '../domain/hearth-error.ts'
import type { Log } from '../domain/log.ts'
import type { HttpAnswer, Outcome } from '../domain/outcome.ts'
import { readBody } from '../http/body.ts'
import { callerLeft } from '../http/caller-left.ts'
import type { Doorkeeper } from '../http/doorkeeper.ts'
import { endWith } from '../http/end-with.ts'
import { sendError } from '../http/reply.ts'
import type { Invoker } from '../invoke/invoker.ts'
import { encodeHttpCall } from './http-call.ts'
import { httpReply } from './http-reply.ts'
import { traceExtras } from './trace-id.ts'

export interface RouteDoorParts {
  readonly functions: { matchRoute(path: string): RouteMatch<FunctionRecord> | null }
  readonly invoker: Invoker
  readonly doorkeeper: Doorkeeper
  readonly clock: Clock
  readonly nextId: () => string
  readonly log: Log
}

export class RouteDoor {
  readonly #parts: RouteDoorParts

  constructor(parts: RouteDoorParts) {
    this.#parts = parts
  }

  readonly handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { nextId, log } = this.#parts
    const requestId = nextId()
    try {
      const http = await this.#call(request, response, requestId)
      const reply = http === null ? null : httpReply(http, request.method ?? 'GET', requestId)
      if (reply === null) {
        throw new HearthError('function_answer_invalid', 'The function answered something that is no HTTP response.')
      }
      const { status, headers, body } = reply
      response.writeHead(status, headers)
      if (body === null) response.end()
      else endWith(response, body)
    } catch (fault) {
      sendError(request, response, fault, requestId, log)
    }
  }

  async #call(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<HttpAnswer | null> {
    const { functions, invoker, doorkeeper, clock } = this.#parts
    const { url = '' } = request
    const query = url.indexOf('?')
    const rawPath = query < 0 ? url : url.slice(0, query)
    const match = functions.matchRoute(rawPath)
    if (match === null) throw new HearthError('route_not_found', 'No function answers on this path.')
    const record = match.value
    if (record.access === 'key') doorkeeper.admit(request, 'invoke')
    const body = await readBody(request, response, LIMITS.eventBytesMax)
    const facts = {
      rawPath,
      rawQueryString: query < 0 ? '' : url.slice(query + 1),
      functionId: record.id,
      parameters: match.parameters,
      timeMs: clock.wallMs(),
      hidesAuthorization: record.access === 'key',
    }
    const { outcome } = await invoker.invoke({
      requestId,
      version: record.latest,
      isolation: null,
      trigger: 'route',
      kind: CALL_KIND.http,
      body: encodeHttpCall(request, facts, body),
      extras: traceExtras(request.headers),
      receivedMs: clock.nowMs(),
      signal: callerLeft(request),
      wantsLogs: false,
    })
    return answerOf(outcome)
  }
}

/** A stranger on the internet learns that it failed, not why: that is for the owner, under the request id. */
function answerOf(outcome: Outcome): HttpAnswer | null {
  if (outcome.kind === 'returned') return outcome.http
  if (outcome.kind === 'timed-out') {
    throw new HearthError('function_timed_out', 'The function did not answer within its time limit.')
  }
  throw new HearthError('function_failed', 'The function failed.')
}
