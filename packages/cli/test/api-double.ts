// A small stand-in for the control port: real HTTP, the API's shapes, functions in a map, and a list of what was asked.

import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { FunctionInput, InvocationWithLogs } from '@hearth/protocol'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

interface Reply {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: unknown
  readonly raw?: string
}

export const doubleKey = 'a-key-for-the-double'
export const requestId = '01930000-0000-7000-8000-000000000001'

export class ApiDouble {
  readonly asked: Asked[] = []
  readonly functions = new Map<string, FunctionInput>()
  /** What `invoke` answers. */
  invoked = { outcome: 'ok', raw: '{"hello":"world"}' }
  logs: InvocationWithLogs['logs'] = []
  /** How often an invocation is still unknown before it is found. */
  unknownFor = 0
  readonly #server: Server

  constructor() {
    this.#server = createServer(async (request, response) => {
      const body = (await buffer(request)).toString()
      const asked = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body }
      this.asked.push(asked)
      const reply = this.#answer(asked)
      response.writeHead(reply.status, reply.headers)
      response.end(reply.raw ?? (reply.body === undefined ? '' : JSON.stringify(reply.body)))
    })
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve))
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  #answer({ method, path, headers, body }: Asked): Reply {
    if (headers.authorization !== `Bearer ${doubleKey}`) return fault(401, 'unauthorized', 'No valid key came.')
    const [, kind = '', name = '', verb] = path.split(/[/?]/).map(decodeURIComponent)
    switch (`${method} ${kind}`) {
      case 'GET functions':
        if (name === '' || name.startsWith('cursor=')) return this.#page(name)
        if (verb === 'invocations') return { status: 200, body: { items: [this.#record()], next: null } }
        return this.functions.has(name) ? { status: 200, body: this.#view(name) } : unknownFunction(name)
      case 'POST functions':
        if (name === 'execute') return { status: 200, body: executed(JSON.parse(body).args) }
        if (verb === 'invoke') return this.functions.has(name) ? this.#invoke() : unknownFunction(name)
        return this.#create(JSON.parse(body))
      case 'PUT functions':
        this.functions.set(name, { ...this.functions.get(name), ...JSON.parse(body) })
        return { status: 200, body: this.#view(name) }
      case 'DELETE functions':
        return this.functions.delete(name) ? { status: 204 } : unknownFunction(name)
      case 'GET invocations':
        if (this.unknownFor-- > 0 || name !== requestId) return fault(404, 'invocation_not_found', 'No such call.')
        return { status: 200, body: this.#record() }
      case 'POST keys':
        return {
          status: 201,
          body: { id: 'k1', ...JSON.parse(body), created_at: 'now', expires_at: null, key: 'hk_shown_once' },
        }
      case 'GET keys':
        return {
          status: 200,
          body: {
            items: [
              { id: 'k1', name: 'ci', scopes: ['invoke'], created_at: 'now', expires_at: null, last_used_at: null },
            ],
            next: null,
          },
        }
      case 'DELETE keys':
        return name === 'k1' ? { status: 204 } : fault(404, 'key_not_found', `No key has the id ${name}.`)
      default:
        return fault(404, 'not_found', `Nothing is known under ${path}.`)
    }
  }

  #create(input: FunctionInput): Reply {
    if (input.timeout === 0) {
      const details = [{ path: 'timeout', message: 'must be from 1 to 900' }]
      return {
        status: 400,
        body: { error: { code: 'invalid_request', message: 'The request has faults.', requestId, details } },
      }
    }
    this.functions.set(input.name, input)
    return { status: 201, body: this.#view(input.name) }
  }

  #view(name: string): object {
    return {
      id: `id-of-${name}`,
      version: 1,
      runtime: 'python3.11',
      isolation: 'auto',
      route: null,
      url: null,
      env: {},
      ...this.functions.get(name),
    }
  }

  /** One function a page. */
  #page(query: string): Reply {
    const names = [...this.functions.keys()]
    const at = Number(query.replace('cursor=', ''))
    const next = at + 1 < names.length ? String(at + 1) : null
    return { status: 200, body: { items: names.slice(at, at + 1).map((name) => this.#view(name)), next } }
  }

  #invoke(): Reply {
    const headers = {
      'x-hearth-request-id': requestId,
      'x-hearth-outcome': this.invoked.outcome,
      'x-hearth-isolation': 'linux',
      'x-hearth-start': 'warm',
      'x-hearth-timings': 'queue=0, init=0, run=1',
    }
    return { status: 200, headers, raw: this.invoked.raw }
  }

  #record(): object {
    const { outcome } = this.invoked
    return {
      id: requestId,
      outcome,
      isolation: 'linux',
      start: 'warm',
      received_at: 'now',
      total_ms: 1,
      error_type: null,
      logs: this.logs,
      logs_dropped_bytes: 0,
    }
  }
}

const fault = (status: number, code: string, message: string): Reply => ({
  status,
  body: { error: { code, message, requestId } },
})

const unknownFunction = (name: string): Reply => fault(404, 'function_not_found', `No function is called ${name}.`)

const executed = (args: unknown[]): object => ({
  request_id: requestId,
  outcome: 'ok',
  output: args,
  error: null,
  stdout: 'printed\n',
  stderr: '',
  isolation: 'linux',
  start: 'warm',
  duration_ms: 1,
})
