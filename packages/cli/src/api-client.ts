// The one client of the native API. Every answer is either what was asked for or a ServiceError that says what to do.

import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { buffer } from 'node:stream/consumers'
import {
  type DriverView,
  type ErrorBody,
  type ExecuteInput,
  type ExecuteView,
  type FunctionInput,
  type FunctionView,
  HEADERS,
  type InvocationView,
  type InvocationWithLogs,
  type Isolation,
  type KeyInput,
  type KeyView,
  type MetricsSummary,
  type Page,
} from '@hearth/protocol'
import type { Connection } from './connection.ts'
import { ServiceError } from './failure.ts'

export interface InvokeAnswer {
  readonly requestId: string
  readonly outcome: string
  readonly isolation: string
  readonly start: string
  readonly timings: string
  readonly body: Buffer
}

interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

interface RawRequest {
  readonly body?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

export class ApiClient {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  createFunction(input: FunctionInput): Promise<FunctionView> {
    return this.#json('POST', '/functions', input)
  }

  updateFunction(name: string, input: Partial<FunctionInput>): Promise<FunctionView> {
    return this.#json('PUT', `/functions/${encodeURIComponent(name)}`, input)
  }

  getFunction(name: string): Promise<FunctionView> {
    return this.#json('GET', `/functions/${encodeURIComponent(name)}`)
  }

  /** Null when there is none of this name. */
  async findFunction(name: string): Promise<FunctionView | null> {
    try {
      return await this.getFunction(name)
    } catch (error) {
      if (error instanceof ServiceError && error.code === 'function_not_found') return null
      throw error
    }
  }

  listFunctions(): Promise<FunctionView[]> {
    return this.#all('/functions')
  }

  async removeFunction(name: string): Promise<void> {
    await this.#checked('DELETE', `/functions/${encodeURIComponent(name)}`)
  }

  /** A failure of the function is an answer; look at its outcome. */
  async invoke(name: string, event: Uint8Array, isolation?: Isolation): Promise<InvokeAnswer> {
    const headers = isolation === undefined ? {} : { [HEADERS.isolation]: isolation }
    const answer = await this.#checked('POST', `/functions/${encodeURIComponent(name)}/invoke`, {
      body: event,
      headers,
    })
    const header = (which: keyof typeof HEADERS): string => String(answer.headers[HEADERS[which]] ?? '')
    return {
      requestId: header('requestId'),
      outcome: header('outcome'),
      isolation: header('isolation'),
      start: header('start'),
      timings: header('timings'),
      body: answer.body,
    }
  }

  execute(input: ExecuteInput): Promise<ExecuteView> {
    return this.#json('POST', '/functions/execute', input)
  }

  async listInvocations(name: string, limit: number): Promise<InvocationView[]> {
    const path = `/functions/${encodeURIComponent(name)}/invocations?limit=${limit}`
    return (await this.#json<Page<InvocationView>>('GET', path)).items
  }

  getInvocation(requestId: string): Promise<InvocationWithLogs> {
    return this.#json('GET', `/invocations/${encodeURIComponent(requestId)}`)
  }

  metricsSummary(): Promise<MetricsSummary> {
    return this.#json('GET', '/metrics/summary')
  }

  createKey(input: KeyInput): Promise<KeyView> {
    return this.#json('POST', '/keys', input)
  }

  listKeys(): Promise<KeyView[]> {
    return this.#all('/keys')
  }

  async removeKey(id: string): Promise<void> {
    await this.#checked('DELETE', `/keys/${encodeURIComponent(id)}`)
  }

  listDrivers(): Promise<DriverView[]> {
    return this.#all('/drivers')
  }

  /** Every page of a list. */
  async #all<T>(path: string): Promise<T[]> {
    const items: T[] = []
    let next: string | null = null
    do {
      const cursor: string = next === null ? '' : `?cursor=${encodeURIComponent(next)}`
      const page: Page<T> = await this.#json<Page<T>>('GET', `${path}${cursor}`)
      items.push(...page.items)
      next = page.next ?? null
    } while (next !== null)
    return items
  }

  async #json<T>(method: string, path: string, input?: unknown): Promise<T> {
    const body = input === undefined ? {} : { body: Buffer.from(JSON.stringify(input)) }
    const answer = await this.#checked(method, path, body)
    return parseJson(answer.body, this.#connection.endpoint) as T
  }

  async #checked(method: string, path: string, request: RawRequest = {}): Promise<RawAnswer> {
    const answer = await this.#send(method, path, request)
    if (answer.status >= 200 && answer.status < 300) return answer
    throw refusal(answer, this.#connection)
  }

  #send(method: string, path: string, { body, headers }: RawRequest): Promise<RawAnswer> {
    const { endpoint, key } = this.#connection
    const url = new URL(endpoint.pathname.replace(/\/$/, '') + path, endpoint)
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    return new Promise((resolve, reject) => {
      const request = send(url, {
        method,
        // No time limit here: a function may take as long as its own timeout allows, and the server keeps to that.
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.byteLength }),
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...headers,
        },
      })
      request.on('response', (response) => {
        buffer(response).then(
          (bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes }),
          (error) => reject(unreachable(endpoint, error)),
        )
      })
      request.on('error', (error) => reject(unreachable(endpoint, error)))
      request.end(body)
    })
  }
}

function refusal({ status, body }: RawAnswer, { endpoint, key }: Connection): ServiceError {
  const { error } = parseJson(body, endpoint) as Partial<ErrorBody>
  if (error === undefined)
    return new ServiceError('unknown', `${endpoint.origin} answered ${status}. Is it a Hearth server?`)
  const advice =
    status !== 401
      ? ''
      : key === null
        ? ' Give a key with HEARTH_KEY or --key; on the machine of the server it is in admin.key of the data folder.'
        : ' The key that was used is not valid there; look at HEARTH_KEY, HEARTH_ADMIN_KEY and --key.'
  return new ServiceError(error.code, error.message + advice, error.details)
}

function unreachable(endpoint: URL, error: NodeJS.ErrnoException): ServiceError {
  const advice = error.code === 'ECONNREFUSED' ? ' Is the server running? Start it with npm start.' : ''
  return new ServiceError(
    'unreachable',
    `${endpoint.origin} cannot be reached: ${error.message || error.code}.${advice}`,
  )
}

function parseJson(bytes: Buffer, endpoint: URL): unknown {
  try {
    return JSON.parse(bytes.toString()) ?? {}
  } catch {
    throw new ServiceError(
      'unknown',
      `${endpoint.origin} did not answer in JSON. Is it the control port of a Hearth server?`,
    )
  }
}
