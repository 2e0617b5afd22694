import { setImmediate as tick } from 'node:timers/promises'
import {
  CALL_KIND,
  type ExecuteView,
  type FunctionView,
  type InvocationView,
  type KeyView,
  type Page,
} from '@hearth/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  adminKey,
  ControlPlane,
  emptySummary,
  invocationRecord,
  linuxView,
  pythonView,
} from '../../test/control-plane.ts'
import { openSocket, readAnswers, sendRaw } from '../../test/raw-http.ts'
import { HearthError } from '../domain/hearth-error.ts'

let plane: ControlPlane
beforeEach(async () => {
  plane = await ControlPlane.start()
})
afterEach(() => plane.close())

const hello = { name: 'hello', language: 'python', code: 'def handler(e, c): return 1' }
const errorOf = (body: unknown) =>
  (body as { error: { code: string; message: string; requestId: string; details?: { path: string }[] } }).error

describe('functions', () => {
  it('are created, shown, listed, changed and removed', async () => {
    const created = await plane.call<FunctionView>('POST', '/functions', {
      ...hello,
      route: '/hello/{name}',
      env: { MODE: 'x' },
    })
    expect([created.status, created.headers.get('location')]).toEqual([201, `/functions/${created.body.id}`])
    expect(created.body).toMatchObject({
      ...hello,
      description: '',
      runtime: 'python3.11',
      handler: 'index.handler',
      timeout: 3,
      memory: 128,
      env: { MODE: 'x' },
      access: 'key',
      isolation: 'auto',
      network: 'none',
      version: 1,
      url: `${plane.functionsUrl}/hello/{name}`,
    })
    expect(created.body.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

    for (const id of [created.body.id, 'hello']) {
      expect((await plane.call('GET', `/functions/${id}`)).body).toEqual(created.body)
    }
    const { code: _, ...listed } = created.body
    expect((await plane.call('GET', '/functions')).body).toEqual({ items: [listed], next: null })

    for (const [method, version] of [
      ['PUT', 2],
      ['PATCH', 3],
    ] as const) {
      const changed = await plane.call<FunctionView>(method, '/functions/hello', { timeout: version * 10 })
      expect([changed.status, changed.body.version, changed.body.timeout]).toEqual([200, version, version * 10])
    }
    const shown = (await plane.call<FunctionView>('GET', '/functions/hello')).body
    expect((await plane.call<FunctionView>('PUT', '/functions/hello', shown)).body).toEqual(shown)

    const removed = await plane.call('DELETE', '/functions/hello')
    expect([removed.status, removed.body]).toEqual([204, ''])
    expect((await plane.call('GET', '/functions/hello')).status).toBe(404)
  })

  it('are taken as a whole zip archive, with the configuration in the query', async () => {
    const zip = Buffer.from('PK pretend')
    const type = { 'content-type': 'application/zip' }
    const created = await plane.call<FunctionView>(
      'POST',
      '/functions?name=zipped&runtime=nodejs20.x&handler=app.run&timeout=7&route=%2Fz',
      zip,
      type,
    )
    expect([created.status, created.body]).toMatchObject([201, { handler: 'app.run', timeout: 7, route: '/z' }])
    expect(plane.artifacts.packages.get(created.body.code_sha256)).toEqual(zip)
    const changed = await plane.call<FunctionView>('PUT', '/functions/zipped', Buffer.from('PK other'), type)
    expect(changed.body).toMatchObject({ version: 2, handler: 'app.run' })
    const faulty = await plane.call('POST', '/functions?name=a&timeout=soon&color=red', zip, type)
    expect(
      errorOf(faulty.body)
        .details?.map(({ path }) => path)
        .sort(),
    ).toEqual(['color', 'language', 'timeout'])
    expect((await plane.call('POST', '/functions?name=b&language=python', Buffer.from('no zip'), type)).status).toBe(
      400,
    )
  })

  it('are refused with every fault, and with 409 for what is taken', async () => {
    const faulty = await plane.call('POST', '/functions', { name: 'a b', timeout: -1 })
    expect(faulty.status).toBe(400)
    expect(errorOf(faulty.body)).toMatchObject({
      code: 'invalid_request',
      requestId: faulty.headers.get('x-hearth-request-id'),
    })
    expect(errorOf(faulty.body).details?.map(({ path }) => path)).toEqual(['language', 'code', 'name', 'timeout'])
    await plane.call('POST', '/functions', { ...hello, route: '/r' })
    expect(errorOf((await plane.call('POST', '/functions', hello)).body).code).toBe('name_taken')
    const route = await plane.call('POST', '/functions', { ...hello, name: 'b', route: '/r' })
    expect([route.status, errorOf(route.body).code]).toEqual([409, 'route_taken'])
    const walls = await plane.call('POST', '/functions', { ...hello, name: 'c', isolation: 'microvm' })
    expect([walls.status, errorOf(walls.body).code]).toEqual([503, 'isolation_unavailable'])
  })

  it('are listed in pages', async () => {
    for (const name of ['a', 'b', 'c']) await plane.call('POST', '/functions', { ...hello, name })
    const first = (await plane.call<Page<FunctionView>>('GET', '/functions?limit=2')).body
    const second = (await plane.call<Page<FunctionView>>('GET', `/functions?limit=2&cursor=${first.next}`)).body
    expect([first, second].map(({ items }) => items.map(({ name }) => name))).toEqual([['a', 'b'], ['c']])
    for (const query of [
      'limit=0',
      'limit=1001',
      'limit=x',
      'limit=1.5',
      'cursor=nonsense',
      'page=2',
      'limit=1&limit=2',
    ]) {
      const { status, body } = await plane.call('GET', `/functions?${query}`)
      expect([query, status, errorOf(body).code]).toEqual([query, 400, 'invalid_request'])
      expect(errorOf(body).details?.length).toBeGreaterThan(0)
    }
  })

  it('hide the values of their environment from keys that only read', async () => {
    await plane.call('POST', '/functions', { ...hello, env: { SECRET: 'hunter2' } })
    const { key } = (await plane.call<KeyView>('POST', '/keys', { name: 'r', scopes: ['read'] })).body
    const seen = await plane.call<FunctionView>('GET', '/functions/hello', undefined, {
      authorization: `Bearer ${key}`,
    })
    expect(seen.body.env).toEqual({ SECRET: '********' })
  })

  it('cannot be made to carry more than their fields', async () => {
    const { status, body } = await plane.call('POST', '/functions', {
      ...hello,
      admin: true,
      tenant: 'other',
      owner: 'me',
    })
    expect(status).toBe(400)
    expect(errorOf(body).details?.map(({ path }) => path)).toEqual(['admin', 'tenant', 'owner'])
    const bytes = `{"__proto__":{"access":"public"},"name":"p","language":"python","code":"x"}`
    const polluted = await plane.call('POST', '/functions', bytes, { 'content-type': 'application/json' })
    expect(polluted.status).toBe(400)
    expect('access' in {}).toBe(false)
  })
})

describe('invoking', () => {
  beforeEach(() => plane.call('POST', '/functions', hello))

  it('passes bytes through and tells in headers how it went', async () => {
    const event = '{"n": 1e400, "text": "\\u0000\\ud800"} '
    const { status, headers } = await plane.call('POST', '/functions/hello/invoke', event)
    expect(Buffer.from(plane.invoker.calls[0]?.body ?? []).toString()).toBe(event)
    expect(plane.invoker.calls[0]).toMatchObject({ trigger: 'invoke', kind: CALL_KIND.event, isolation: null })
    expect([status, Object.fromEntries(headers)]).toMatchObject([
      200,
      {
        'content-type': 'application/json',
        'x-hearth-request-id': plane.invoker.calls[0]?.requestId,
        'x-hearth-outcome': 'ok',
        'x-hearth-isolation': 'linux',
        'x-hearth-start': 'warm',
        'x-hearth-timings': 'queue=0.021, init=0, run=1.25',
      },
    ])
  })

  it('takes id or name, odd spellings, no body, and a wish for walls', async () => {
    const { id } = (await plane.call<FunctionView>('GET', '/functions/hello')).body
    for (const path of [id, 'hello', 'hel%6Co']) {
      expect((await plane.call('POST', `/functions/${path}/invoke?x=1`)).status).toBe(200)
    }
    expect((await plane.call('POST', '/functions/hello/%69nvoke', '{}')).status).toBe(404)
    const wish = { 'x-hearth-isolation': 'gvisor' }
    const answer = await plane.call('POST', '/functions/hello/invoke', '{}', wish)
    expect(answer.headers.get('x-hearth-isolation')).toBe('gvisor')
    const unknown = await plane.call('POST', '/functions/hello/invoke', '{}', { 'x-hearth-isolation': 'magic' })
    expect([unknown.status, errorOf(unknown.body).code]).toEqual([400, 'invalid_request'])
  })

  it.each([
    [
      { kind: 'timed-out', limitMs: 1000, during: 'run' },
      'timeout',
      'Sandbox.Timedout',
      'Error: Task timed out after 1.00 seconds',
    ],
    [
      { kind: 'crashed', how: { kind: 'exited', code: 7 }, during: 'run' },
      'crash',
      'Runtime.ExitError',
      'Error: Runtime exited with error: exit status 7',
    ],
    [
      { kind: 'crashed', how: { kind: 'exited', code: 0 }, during: 'run' },
      'crash',
      'Runtime.ExitError',
      'Error: Runtime exited without providing a reason',
    ],
    [
      { kind: 'crashed', how: { kind: 'signalled', signal: 'SIGKILL' }, during: 'run' },
      'crash',
      'Runtime.ExitError',
      'Error: Runtime exited with error: signal: killed',
    ],
    [
      { kind: 'out-of-memory', during: 'run' },
      'oom',
      'Runtime.OutOfMemory',
      'Error: Runtime exited with error: signal: killed',
    ],
  ] as const)(
    'answers a failure of the function with 200 and the words of AWS',
    async (outcome, word, type, message) => {
      plane.invoker.answer = () => outcome
      const { status, headers, body } = await plane.call('POST', '/functions/hello/invoke', '{}')
      const requestId = headers.get('x-hearth-request-id')
      expect([status, headers.get('x-hearth-outcome')]).toEqual([200, word])
      expect(body).toEqual({ errorType: type, errorMessage: `RequestId: ${requestId} ${message}` })
    },
  )

  it("passes the function's own error on as it is", async () => {
    const error = { errorType: 'ValueError', errorMessage: 'no', stackTrace: [] }
    plane.invoker.answer = () => ({ kind: 'failed', payload: Buffer.from(JSON.stringify(error)), during: 'run' })
    const { status, headers, body } = await plane.call('POST', '/functions/hello/invoke', '{}')
    expect([status, headers.get('x-hearth-outcome'), body]).toEqual([200, 'error', error])
  })

  it('refuses what never reached the function', async () => {
    plane.invoker.answer = () => ({ kind: 'rejected', message: 'Unexpected token' })
    const rejected = await plane.call('POST', '/functions/hello/invoke', 'no json')
    expect([rejected.status, errorOf(rejected.body).code]).toEqual([400, 'invalid_json'])
    plane.invoker.answer = () => {
      throw new HearthError('throttled', 'full', { retryAfterSeconds: 2 })
    }
    const throttled = await plane.call('POST', '/functions/hello/invoke', '{}')
    expect([throttled.status, throttled.headers.get('retry-after')]).toEqual([429, '2'])
    const large = await plane.call('POST', '/functions/hello/invoke', Buffer.alloc(6 * 1024 * 1024 + 1))
    expect([large.status, errorOf(large.body).code]).toEqual([413, 'payload_too_large'])
    expect((await plane.call('POST', '/functions/nobody/invoke', '{}')).status).toBe(404)
    expect((await plane.call('GET', '/functions/hello/invoke')).status).toBe(405)
  })

  it('keeps a fault of its own to the log', async () => {
    plane.invoker.answer = () => {
      throw new TypeError('secret detail at /var/lib')
    }
    const { status, headers, body } = await plane.call('POST', '/functions/hello/invoke', '{}')
    expect([status, errorOf(body).code]).toEqual([500, 'internal'])
    expect(JSON.stringify(body)).not.toContain('secret')
    expect(plane.logged).toHaveLength(1)
    expect(plane.logged[0]?.fields).toMatchObject({ requestId: headers.get('x-hearth-request-id') })
  })

  it('aborts when the caller leaves', async () => {
    plane.invoker.answer = () => new Promise(() => {})
    const socket = await openSocket(plane.control.address)
    socket.write(
      `POST /functions/hello/invoke HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${adminKey}\r\nContent-Length: 2\r\n\r\n{}`,
    )
    while (plane.invoker.calls.length === 0) await tick()
    socket.destroy()
    while (plane.invoker.calls[0]?.signal.aborted === false) await tick()
  })
})

describe('executing', () => {
  beforeEach(() => plane.call('POST', '/functions', hello))
  const execute = (input: object) => plane.call<ExecuteView>('POST', '/functions/execute', input)

  it('passes positional arguments, and keeps output, error and what was printed apart', async () => {
    plane.invoker.answer = () => ({ kind: 'returned', payload: Buffer.from('{"sum":5}'), http: null })
    plane.invoker.logs = {
      lines: [
        { wallMs: 1, stream: 'stdout', text: 'one' },
        { wallMs: 2, stream: 'stderr', text: 'careful' },
        { wallMs: 3, stream: 'stdout', text: 'two' },
      ],
      droppedBytes: 0,
    }
    const { status, headers, body } = await execute({ id: 'hello', args: [2, { b: '3' }] })
    expect(plane.invoker.calls[0]).toMatchObject({ trigger: 'execute', kind: CALL_KIND.arguments, isolation: null })
    expect(Buffer.from(plane.invoker.calls[0]?.body ?? []).toString()).toBe('[2,{"b":"3"}]')
    expect([status, body]).toEqual([
      200,
      {
        request_id: headers.get('x-hearth-request-id'),
        outcome: 'ok',
        output: { sum: 5 },
        error: null,
        stdout: 'one\ntwo\n',
        stderr: 'careful\n',
        isolation: 'linux',
        start: 'warm',
        duration_ms: 1.25,
      },
    ])
  })

  it('chooses walls per call', async () => {
    await execute({ id: 'hello', use_gvisor: true })
    await execute({ id: 'hello', use_gvisor: false })
    await execute({ id: 'hello', isolation: 'docker' })
    expect(plane.invoker.calls.map(({ isolation }) => isolation)).toEqual(['gvisor', null, 'docker'])
  })

  it.each([
    [
      {
        kind: 'failed',
        payload: Buffer.from('{"errorType":"E","errorMessage":"m","stackTrace":["a",1]}'),
        during: 'run',
      },
      'error',
      { type: 'E', message: 'm', trace: ['a'] },
    ],
    [
      { kind: 'failed', payload: Buffer.from('{"errorType":"E","errorMessage":"m","trace":["b"]}'), during: 'run' },
      'error',
      { type: 'E', message: 'm', trace: ['b'] },
    ],
    [
      { kind: 'failed', payload: Buffer.from('garbage'), during: 'run' },
      'error',
      { type: 'Runtime.Unknown', message: '', trace: [] },
    ],
    [{ kind: 'returned', payload: Buffer.from('garbage'), http: null }, 'error', { type: 'Runtime.InvalidResponse' }],
    [
      { kind: 'returned', payload: Buffer.from('['.repeat(100_000)), http: null },
      'error',
      { type: 'Runtime.InvalidResponse' },
    ],
    [
      { kind: 'timed-out', limitMs: 2000, during: 'run' },
      'timeout',
      { type: 'Sandbox.Timedout', message: expect.stringContaining('2.00 seconds') },
    ],
  ] as const)('tells errors of the function as data', async (outcome, word, error) => {
    plane.invoker.answer = () => outcome
    const { status, body } = await execute({ id: 'hello' })
    expect([status, body]).toMatchObject([200, { outcome: word, output: null, error }])
  })

  it('is refused with every fault, and 404 for an unknown function', async () => {
    const { status, body } = await execute({ args: 'x', isolation: 'magic', use_gvisor: 1, function: 'y' })
    expect(status).toBe(400)
    expect(errorOf(body).details?.map(({ path }) => path)).toEqual([
      'function',
      'id',
      'args',
      'isolation',
      'use_gvisor',
    ])
    expect((await execute({ id: 'hello', isolation: 'linux', use_gvisor: true })).status).toBe(400)
    expect((await execute({ id: 'hello', args: Array(65).fill(0) })).status).toBe(400)
    expect((await execute({ id: 'nobody' })).status).toBe(404)
  })
})

describe('invocations', () => {
  it('are listed newest first in pages, and shown with logs', async () => {
    const { id } = (await plane.call<FunctionView>('POST', '/functions', hello)).body
    await plane.invocations.append(['a1', 'a2', 'a3'].map((requestId) => invocationRecord(requestId, id)))
    await plane.invocations.append([{ ...invocationRecord('b1', 'other'), outcome: 'crash' }])
    const first = (await plane.call<Page<InvocationView>>('GET', '/functions/hello/invocations?limit=2')).body
    expect(first.items.map((item) => item.id)).toEqual(['a3', 'a2'])
    const second = await plane.call<Page<InvocationView>>(
      'GET',
      `/functions/hello/invocations?limit=2&cursor=${first.next}`,
    )
    expect([second.body.items.map((item) => item.id), second.body.next]).toEqual([['a1'], null])
    expect(
      (await plane.call<Page<InvocationView>>('GET', '/functions/hello/invocations?outcome=crash')).body.items,
    ).toEqual([])
    expect((await plane.call('GET', '/functions/hello/invocations?outcome=odd')).status).toBe(400)
    expect((await plane.call('GET', '/invocations/b1')).body).toMatchObject({ id: 'b1', outcome: 'crash', logs: [] })
    expect(errorOf((await plane.call('GET', '/invocations/zz')).body).code).toBe('invocation_not_found')
    expect((await plane.call('GET', '/functions/nobody/invocations')).status).toBe(404)
  })
})

describe('keys', () => {
  it('are made, listed without themselves, and revoked at once', async () => {
    const made = await plane.call<KeyView>('POST', '/keys', {
      name: 'ci',
      scopes: ['invoke', 'read'],
      expires_in_seconds: 60,
    })
    expect([made.status, made.body]).toMatchObject([
      201,
      { name: 'ci', scopes: ['read', 'invoke'], last_used_at: null },
    ])
    const mine = { authorization: `Bearer ${made.body.key}` }
    expect((await plane.call('GET', '/functions', undefined, mine)).status).toBe(200)
    const listed = (await plane.call<Page<KeyView>>('GET', '/keys')).body.items
    expect(listed.map(({ id }) => id).sort()).toEqual(['admin', made.body.id].sort())
    expect(JSON.stringify(listed)).not.toContain(made.body.key)
    expect((await plane.call('DELETE', `/keys/${made.body.id}`)).status).toBe(204)
    expect((await plane.call('GET', '/functions', undefined, mine)).status).toBe(401)
    expect((await plane.call('DELETE', `/keys/${made.body.id}`)).status).toBe(404)
    expect((await plane.call('POST', '/keys', { name: '', scopes: ['root'] })).status).toBe(400)
  })
})

it('shows metrics, drivers and runtimes', async () => {
  expect((await plane.call('GET', '/metrics/summary')).body).toEqual(emptySummary)
  expect((await plane.call('GET', '/metrics')).body).toEqual(emptySummary)
  expect((await plane.call('GET', '/drivers')).body).toEqual({ items: [linuxView], next: null })
  expect((await plane.call('GET', '/runtimes')).body).toEqual({ items: [pythonView], next: null })
})

it('says whether it lives and whether it takes calls', async () => {
  expect((await plane.call('GET', '/readyz')).status).toBe(200)
  plane.ready = false
  expect([(await plane.call('GET', '/readyz')).status, (await plane.call('GET', '/healthz')).status]).toEqual([
    503, 200,
  ])
})

describe('documentation', () => {
  it('names every route but its own, and what each needs', async () => {
    const { body } = await plane.call<{ paths: Record<string, Record<string, unknown>> }>('GET', '/openapi.json')
    const documented = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const routes = plane.control.routes
      .filter(({ method, url }) => method !== 'HEAD' && !url.startsWith('/docs'))
      .map(({ method, url }) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`)
    expect(documented.sort()).toEqual(routes.sort())
  })

  it('has a page that loads nothing from elsewhere', async () => {
    const page = await fetch(`${plane.control.address}/docs/`)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
    expect(await page.text()).not.toMatch(/(src|href)="https?:/)
  })
})

describe('odd requests', () => {
  it('are told apart: unknown paths, wrong methods, wrong types, wrong hosts, broken JSON', async () => {
    const statusAndCode = async (...request: Parameters<ControlPlane['call']>) => {
      const { status, body } = await plane.call(...request)
      return [status, errorOf(body).code]
    }
    const json = { 'content-type': 'application/json' }
    expect(await statusAndCode('GET', '/nothing')).toEqual([404, 'not_found'])
    expect(await statusAndCode('POST', '/metrics')).toEqual([405, 'method_not_allowed'])
    expect((await plane.call('POST', '/metrics')).headers.get('allow')).toBe('GET, HEAD')
    expect(await statusAndCode('POST', '/functions', 'a=1', { 'content-type': 'text/plain' })).toEqual([
      415,
      'unsupported_media_type',
    ])
    expect(await statusAndCode('POST', '/functions', 'x', { 'content-type': 'nonsense' })).toEqual([
      415,
      'unsupported_media_type',
    ])
    expect(await statusAndCode('POST', '/keys', 'PK', { 'content-type': 'application/zip' })).toEqual([
      415,
      'unsupported_media_type',
    ])
    expect(await statusAndCode('POST', '/functions', '{', json)).toEqual([400, 'invalid_json'])
    expect(await statusAndCode('POST', '/functions', undefined, json)).toEqual([400, 'invalid_json'])
    expect(await statusAndCode('POST', '/functions', Buffer.from([0x22, 0xff, 0x22]), json)).toEqual([
      400,
      'invalid_json',
    ])
    expect(await statusAndCode('POST', '/functions', `${'['.repeat(200)}`, json)).toEqual([400, 'invalid_json'])
    expect(await statusAndCode('POST', '/keys', Buffer.alloc(6 * 1024 * 1024 + 1), json)).toEqual([
      413,
      'payload_too_large',
    ])
    expect(await statusAndCode('GET', '/functions/%ff')).toEqual([400, 'invalid_request'])
    expect(await statusAndCode('GET', '/functions/__proto__')).toEqual([404, 'function_not_found'])
  })

  it('under a foreign host name are refused before anything else', async () => {
    for (const path of ['/functions', '/functions/hello/invoke', '/healthz', '/docs']) {
      const bytes = `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`
      const [answer] = readAnswers(await sendRaw(plane.control.address, bytes))
      expect([answer?.status, errorOf(JSON.parse(answer?.body ?? '')).code]).toEqual([421, 'misdirected_host'])
    }
    const bytes = 'GET /healthz HTTP/1.1\r\nHost: hearth.example:4747\r\nConnection: close\r\n\r\n'
    expect(readAnswers(await sendRaw(plane.control.address, bytes))[0]?.status).toBe(200)
  })

  it('from a foreign origin get no leave to read the answer', async () => {
    for (const origin of ['https://evil.example', 'null']) {
      const preflight = await plane.call('OPTIONS', '/functions', undefined, {
        origin,
        'access-control-request-method': 'POST',
      })
      const plain = await plane.call('GET', '/functions', undefined, { origin })
      for (const { headers } of [preflight, plain]) {
        expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
      }
      expect(preflight.status).toBe(405)
    }
  })

  it('never hear what the server is made of', async () => {
    const { headers } = await plane.call('GET', '/functions')
    expect([headers.get('x-powered-by'), headers.get('server')]).toEqual([null, null])
    expect(headers.get('cache-control')).toBe('no-store')
  })
})
