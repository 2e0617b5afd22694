import { once } from 'node:events'
import { setImmediate as tick } from 'node:timers/promises'
import { HTTP_CALL_FIELDS } from '@hearth/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { linuxWalls, MapArtifacts, MapFunctionStore, runtimes, ScriptedInvoker } from '../../test/doubles.ts'
import { openSocket, readAnswers, sendRaw } from '../../test/raw-http.ts'
import { FunctionCatalog } from '../catalog/function-catalog.ts'
import { systemClock } from '../domain/clock.ts'
import { HearthError } from '../domain/hearth-error.ts'
import { silentLog } from '../domain/log.ts'
import type { HttpAnswer } from '../domain/outcome.ts'
import { Doorkeeper, type Principal } from '../http/doorkeeper.ts'
import type { Listener } from '../http/listener.ts'
import { uuidSource } from '../lib/uuid.ts'
import { startFunctionsDoor } from './functions-door.ts'

const clock = systemClock
const nextId = uuidSource(clock.wallMs)
const principals = new Map<string, Principal>([
  ['invoker', { id: 'i', scopes: ['invoke'] }],
  ['reader', { id: 'r', scopes: ['read'] }],
])
const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

let invoker: ScriptedInvoker
let functions: FunctionCatalog
let door: Listener

beforeEach(async () => {
  invoker = new ScriptedInvoker()
  functions = new FunctionCatalog({
    store: new MapFunctionStore(),
    artifacts: new MapArtifacts(),
    runtimes,
    walls: linuxWalls,
    clock,
    nextId,
  })
  const doorkeeper = new Doorkeeper({ keys: { verify: (key) => principals.get(key) ?? null }, nowMs: clock.nowMs })
  door = await startFunctionsDoor({
    host: '127.0.0.1',
    port: 0,
    functions,
    doorkeeper,
    invoker,
    clock,
    nextId,
    log: silentLog,
  })
  await deploy('open', '/open/{name}/{rest+}', 'public')
  await deploy('plain', '/plain', 'public')
  await deploy('locked', '/locked', 'key')
})
afterEach(() => door.close())

const deploy = (name: string, route: string, access: 'public' | 'key') =>
  functions.create({ name, language: 'python', code: 'x', route, access })

const get = (path: string, init: RequestInit = {}): Promise<Response> => fetch(door.address + path, init)

/** The call as a guest would read it. */
function lastCall() {
  const body = Buffer.from(invoker.calls.at(-1)?.body ?? [])
  const headLength = body.readUInt32BE(0)
  const parts = body.toString('latin1', 4, 4 + headLength).split('\0')
  const fields = Object.fromEntries(HTTP_CALL_FIELDS.map((name, index) => [name, parts[index]]))
  const parametersEnd = HTTP_CALL_FIELDS.length + 2 * Number(fields.parameterCount)
  const headers = parts.slice(parametersEnd)
  return {
    ...fields,
    parameters: parts.slice(HTTP_CALL_FIELDS.length, parametersEnd),
    header: (name: string) =>
      headers.filter((_, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === name),
    body: body.subarray(4 + headLength),
  }
}

const answers = (answer: Partial<HttpAnswer>) => {
  invoker.answer = () => ({
    kind: 'returned',
    payload: Buffer.alloc(0),
    http: { status: 200, headers: [], body: Buffer.alloc(0), ...answer },
  })
}

describe('a request on a route', () => {
  it('travels to the guest as its parts', async () => {
    const sent = Buffer.from([0, 255, 128, 10])
    await get('/open/A%20b/c/d?x=1&y=%C3%A9', { method: 'PUT', body: sent, headers: { 'X-Custom': 'yes' } })
    const call = lastCall()
    expect(call).toMatchObject({
      method: 'PUT',
      rawPath: '/open/A%20b/c/d',
      rawQueryString: 'x=1&y=%C3%A9',
      protocol: 'HTTP/1.1',
      sourceIp: '127.0.0.1',
      domainName: '127.0.0.1',
      apiId: functions.byIdOrName('open')?.id,
      parameters: ['name', 'A%20b', 'rest', 'c/d'],
    })
    expect([call.header('x-custom'), call.header('connection'), call.header('x-forwarded-for')]).toEqual([
      ['yes'],
      [],
      ['127.0.0.1'],
    ])
    expect(call.body).toEqual(sent)
    expect(invoker.calls[0]).toMatchObject({ trigger: 'route', isolation: null, version: { functionName: 'open' } })
  })

  it('keeps repeated headers and adds to the chain of proxies', async () => {
    const head =
      'GET /plain HTTP/1.1\r\nHost: a.example:80\r\nX-A: 1\r\nx-a: 2\r\nX-Forwarded-For: 10.1.1.1\r\nX-Forwarded-Proto: https\r\nTE: trailers\r\nX-Latin: caf\xe9\r\nConnection: close\r\n\r\n'
    await sendRaw(door.address, head)
    const call = lastCall()
    expect(call).toMatchObject({ domainName: 'a.example' })
    expect([
      call.header('x-a'),
      call.header('x-forwarded-for'),
      call.header('x-forwarded-proto'),
      call.header('te'),
    ]).toEqual([['1', '2'], ['10.1.1.1, 127.0.0.1'], ['https'], []])
    expect(call.header('x-latin')).toEqual(['caf\xe9'])
  })

  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    'comes with method %s',
    async (method) => {
      const response = await get('/plain', { method })
      expect([response.status, lastCall()]).toMatchObject([200, { method }])
    },
  )

  it('needs a key with the right scope unless the function is public, and the function never sees it', async () => {
    expect((await get('/plain')).status).toBe(200)
    expect((await get('/locked')).status).toBe(401)
    expect((await get('/locked', { headers: bearer('wrong') })).status).toBe(401)
    expect((await get('/locked', { headers: bearer('reader') })).status).toBe(403)
    expect(invoker.calls).toHaveLength(1)
    expect((await get('/locked', { headers: bearer('invoker') })).status).toBe(200)
    expect(lastCall().header('authorization')).toEqual([])
    await get('/plain', { headers: { authorization: 'Basic mine' } })
    expect(lastCall().header('authorization')).toEqual(['Basic mine'])
  })

  it('is refused where no function answers, and when it is too large', async () => {
    const missing = await get('/nothing')
    expect([missing.status, await missing.json()]).toMatchObject([404, { error: { code: 'route_not_found' } }])
    const large = await get('/plain', { method: 'POST', body: Buffer.alloc(6 * 1024 * 1024 + 1) })
    expect(large.status).toBe(413)
    expect(invoker.calls).toHaveLength(0)
  })

  it('carries its trace', async () => {
    await get('/plain', { headers: { 'x-amzn-trace-id': 'Root=1-a-b' } })
    expect(invoker.calls[0]?.extras).toEqual({ traceId: 'Root=1-a-b' })
  })
})

describe('an answer on a route', () => {
  it('goes out as the function gave it', async () => {
    answers({
      status: 418,
      headers: ['X-Made-By', 'me', 'set-cookie', 'a=1', 'set-cookie', 'b=2'],
      body: Buffer.from('tea'),
    })
    const response = await get('/plain')
    expect([response.status, response.headers.get('x-made-by'), await response.text()]).toEqual([418, 'me', 'tea'])
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(response.headers.get('x-hearth-request-id')).toBe(invoker.calls[0]?.requestId)
    expect(response.headers.get('x-powered-by')).toBeNull()
  })

  it('never desynchronises a kept-alive connection', async () => {
    const shapes: Partial<HttpAnswer>[] = [
      {
        headers: ['content-length', '999', 'transfer-encoding', 'chunked', 'connection', 'upgrade'],
        body: Buffer.from('a'),
      },
      { status: 204, headers: ['content-length', '5'], body: Buffer.from('hello') },
      { status: 304, body: Buffer.from('hello') },
      { status: 205, body: Buffer.from('hello') },
      { status: 101 },
      { status: 100 },
      { headers: ['x', 'a\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'] },
      { headers: ['x\r\ny', 'z'] },
      { body: Buffer.from('last') },
    ]
    const socket = await openSocket(door.address)
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
    })
    for (const [index, shape] of shapes.entries()) {
      answers(shape)
      socket.write(`GET /plain HTTP/1.1\r\nHost: a\r\n\r\n`)
      while (readAnswers(received).length <= index) await tick()
    }
    socket.destroy()
    expect(readAnswers(received).map(({ status }) => status)).toEqual([200, 204, 304, 205, 502, 502, 502, 502, 200])
    expect(readAnswers(received).at(-1)?.body).toBe('last')
  })

  it('to HEAD has the length but no body', async () => {
    answers({ body: Buffer.from('four') })
    const bytes = 'HEAD /plain HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    const received = await sendRaw(door.address, bytes)
    expect(received).toMatch(/content-length: 4\r\n/)
    expect(received.endsWith('\r\n\r\n')).toBe(true)
  })

  it.each([
    [{ kind: 'failed', payload: Buffer.from('{"errorMessage":"secret"}'), during: 'run' }, 502, 'function_failed'],
    [{ kind: 'crashed', how: { kind: 'exited', code: 3 }, during: 'run' }, 502, 'function_failed'],
    [{ kind: 'out-of-memory', during: 'run' }, 502, 'function_failed'],
    [{ kind: 'timed-out', limitMs: 1000, during: 'run' }, 504, 'function_timed_out'],
    [{ kind: 'returned', payload: Buffer.alloc(0), http: null }, 502, 'function_answer_invalid'],
  ] as const)('of a failure tells that there was one and nothing more', async (outcome, status, code) => {
    invoker.answer = () => outcome
    const response = await get('/plain')
    const text = await response.text()
    expect([response.status, JSON.parse(text).error.code]).toEqual([status, code])
    expect(JSON.parse(text).error.requestId).toBe(invoker.calls[0]?.requestId)
    expect(text).not.toContain('secret')
  })

  it('says when to come back', async () => {
    invoker.answer = () => {
      throw new HearthError('throttled', 'full', { retryAfterSeconds: 3 })
    }
    const response = await get('/plain')
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3'])
  })
})

it('tells calls that their caller is gone', async () => {
  invoker.answer = () => new Promise(() => {})
  const socket = await openSocket(door.address)
  socket.write('GET /plain HTTP/1.1\r\nHost: a\r\n\r\n')
  while (invoker.calls.length === 0) await tick()
  const signal = invoker.calls[0]?.signal
  expect(signal?.aborted).toBe(false)
  socket.destroy()
  while (signal?.aborted === false) await tick()
})

it('lets calls finish when it drains', async () => {
  let finish = (): void => {}
  invoker.answer = () =>
    new Promise((resolve) => {
      finish = () =>
        resolve({
          kind: 'returned',
          payload: Buffer.alloc(0),
          http: { status: 200, headers: [], body: Buffer.from('ok') },
        })
    })
  const response = get('/plain')
  while (invoker.calls.length === 0) await tick()
  const { address } = door
  const drained = door.drain(60_000)
  await tick()
  finish()
  expect(await (await response).text()).toBe('ok')
  await drained
  const socket = await openSocket(address).catch((fault: NodeJS.ErrnoException) => fault.code)
  expect(socket).toBe('ECONNREFUSED')
})

it('leaves nothing waiting behind a caller that sends two requests at once', async () => {
  const twice = 'GET /plain HTTP/1.1\r\nHost: a\r\n\r\nGET /plain HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
  const socket = await openSocket(door.address)
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
  })
  socket.write(twice)
  await once(socket, 'close')
  expect(readAnswers(received).map(({ status }) => status)).toEqual([200, 200])
})
