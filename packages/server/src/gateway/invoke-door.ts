// `POST /functions/{id}/invoke`: an event in, the function's answer out, bytes all the way. On the path of every call, so
// it goes around the framework that serves the rest of the control port.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { CALL_KIND, HEADERS, ISOLATIONS, type Isolation, LIMITS } from '@hearth/protocol'
import { functionNotFound } from '../catalog/function-catalog.ts'
import type { Clock } from '../domain/clock.ts'
import type { FunctionRecord } from '../domain/function.ts'
import { HearthError } from '../domain/hearth-error.ts'
import type { Result } from '../domain/invocation.ts'
import type { Log } from '../domain/log.ts'
import type { Outcome } from '../domain/outcome.ts'
import { readBody } from '../http/body.ts'
import { callerLeft } from '../http/caller-left.ts'
import type { Doorkeeper } from '../http/doorkeeper.ts'
import { endWith } from '../http/end-with.ts'
import { sendError } from '../http/reply.ts'
import type { Invoker } from '../invoke/invoker.ts'
import { callHeaders } from './call-headers.ts'
import { failurePayload } from './failure-payload.ts'
import { traceExtras } from './trace-id.ts'

export interface InvokeDoorParts {
  readonly functions: { byIdOrName(idOrName: string): FunctionRecord | null }
  readonly invoker: Invoker
  readonly doorkeeper: Doorkeeper
  readonly clock: Clock
  readonly nextId: () => string
  readonly log: Log
}

const prefix = '/functions/'
const suffix = '/invoke'

/** The function an invoke path names, as it came; null when it is another path. */
export function invokedFunction(url: string): string | null {
  if (!url.startsWith(prefix)) return null
  const query = url.indexOf('?')
  const path = query < 0 ? url : url.slice(0, query)
  if (!path.endsWith(suffix) || path.length <= prefix.length + suffix.length) return null
  const name = path.slice(prefix.length, -suffix.length)
  return name.includes('/') ? null : name
}

export class InvokeDoor {
  readonly #parts: InvokeDoorParts

  constructor(parts: InvokeDoorParts) {
    this.#parts = parts
  }

  /** Answers a request on the invoke path; false when it is another request. */
  readonly take = (request: IncomingMessage, response: ServerResponse): boolean => {
    const name = invokedFunction(request.url ?? '')
    if (name === null) return false
    void this.handle(request, response, name)
    return true
  }

  readonly handle = async (request: IncomingMessage, response: ServerResponse, name: string): Promise<void> => {
    const { nextId, log } = this.#parts
    const requestId = nextId()
    try {
      const result = await this.#invoke(request, response, name, requestId)
      const payload = payloadOf(result.outcome, requestId)
      response.writeHead(200, [
        ...['content-type', 'application/json', 'content-length', String(payload.length)],
        // The answer is a stranger's and comes from the control port's origin.
        ...['x-content-type-options', 'nosniff'],
        ...callHeaders(requestId, result),
      ])
      endWith(response, payload)
    } catch (fault) {
      sendError(request, response, fault, requestId, log)
    }
  }

  async #invoke(request: IncomingMessage, response: ServerResponse, name: string, requestId: string): Promise<Result> {
    const { functions, invoker, doorkeeper, clock } = this.#parts
    doorkeeper.admit(request, 'invoke')
    if (request.method !== 'POST') {
      throw new HearthError('method_not_allowed', 'Functions are invoked with POST.')
    }
    const record = functions.byIdOrName(decoded(name))
    if (record === null) throw functionNotFound(decoded(name))
    const isolation = wishedIsolation(request.headers[HEADERS.isolation])
    const body = await readBody(request, response, LIMITS.eventBytesMax)
    return await invoker.invoke({
      requestId,
      version: record.latest,
      isolation,
      trigger: 'invoke',
      kind: CALL_KIND.event,
      body,
      extras: traceExtras(request.headers),
      receivedMs: clock.nowMs(),
      signal: callerLeft(request),
      wantsLogs: false,
    })
  }
}

function decoded(name: string): string {
  if (!name.includes('%')) return name
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

function wishedIsolation(header: string | string[] | undefined): Isolation | null {
  if (header === undefined || header === 'auto') return null
  const known = ISOLATIONS.find((isolation) => isolation === header)
  if (known !== undefined) return known
  throw new HearthError('invalid_request', 'The isolation asked for does not exist.', {
    details: [{ path: HEADERS.isolation, message: `is neither auto nor one of ${ISOLATIONS.join(', ')}` }],
  })
}

/** Throws for an event that was none: that is the caller's fault, not the function's. */
function payloadOf(outcome: Outcome, requestId: string): Uint8Array {
  if (outcome.kind === 'returned') return outcome.payload
  if (outcome.kind === 'rejected') throw new HearthError('invalid_json', outcome.message)
  return failurePayload(outcome, requestId)
}
