// P-HTTP-1: whatever comes, the answer is 4xx (or a success, when chance made a good request), never 5xx and never
// silence. The same requests each time: they come from a seed.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { adminKey, ControlPlane } from '../../test/control-plane.ts'
import { sendRaw } from '../../test/raw-http.ts'

const seed = Number(process.env.HEARTH_TEST_SEED ?? 1)
const requests = Number(process.env.HEARTH_TEST_REQUESTS ?? 1_500)

let plane: ControlPlane
beforeAll(async () => {
  // What is cut short is told so soon.
  plane = await ControlPlane.start({ headersMs: 500, requestMs: 500, keepAliveMs: 100, checkMs: 50 })
  const hello = { name: 'hello', language: 'python', code: 'x', route: '/hello/{name}', access: 'public' }
  await plane.call('POST', '/functions', hello)
})
afterAll(() => plane.close())

/** Small numbers from a seed (mulberry32). */
function randomFrom(start: number): (below: number) => number {
  let state = start
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
const random = randomFrom(seed)
const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T
const times = (count: number, make: () => string): string => Array.from({ length: count }, make).join('')
const byte = (): string => String.fromCharCode(random(256))

const oddTexts = [
  ...['', ' ', '\0', '../../etc/passwd', '..%2f..%2f', '%00', '%', '%zz', '%ff', '%c0%ae', '\u00ff', '{{7*7}}', '${x}'],
  ...["' OR 1=1 --", '<script>alert(1)</script>', '__proto__', 'constructor', 'toString', 'null', 'NaN', '-1', '1e999'],
  ...['execute', 'a'.repeat(300), 'a'.repeat(5000), '/'.repeat(200), 'hello/invoke', '\u202e', '\ud800', '*', '~', '|'],
]
const oddValues: readonly (() => string)[] = [
  () => JSON.stringify(pick(oddTexts)),
  () => pick(['null', 'true', '[]', '{}', '-1', '0', '1e308', '1e999', '-0', '9007199254740993', '0.1', '[[]]']),
  () => '['.repeat(random(400)) + ']'.repeat(random(400)),
  () => `{${times(random(50), () => `"${random(1000)}":${random(10)},`)}"z":1}`,
  () => `{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}`,
  () => pick(['{', '"', '"\\ud800"', '"\\u00"', '01', '+1', 'NaN', "'x'", '{"a":1,}', '// x', '\ufeff1', '"\n"']),
]
const fields = [
  ...[
    'name',
    'description',
    'language',
    'runtime',
    'code',
    'zip',
    'handler',
    'function_name',
    'timeout',
    'memory',
    'env',
  ],
  ...['route', 'access', 'isolation', 'network', 'id', 'args', 'use_gvisor', 'scopes', 'expires_in_seconds', 'admin'],
]
const oddJson = (): string =>
  random(8) === 0
    ? pick(oddValues)()
    : `{${Array.from({ length: random(12) }, () => `"${pick(fields)}":${pick(oddValues)()}`).join(',')}}`

const paths = [
  ...[
    '/functions',
    '/functions/hello',
    '/functions/hello/invoke',
    '/functions/execute',
    '/functions/hello/invocations',
  ],
  ...[
    '/invocations/x',
    '/metrics',
    '/metrics/summary',
    '/keys',
    '/keys/x',
    '/drivers',
    '/runtimes',
    '/healthz',
    '/docs',
  ],
  ...['/docs/static/index.html', '/openapi.json', '/hello/you', '/'],
]
const path = (): string => {
  const chosen = pick(paths)
  const latin1 = (text: string): string =>
    Buffer.from(text)
      .toString('latin1')
      .replaceAll(/[\s\0]/g, '%20')
  switch (random(5)) {
    case 0:
      return `${chosen}/${latin1(pick(oddTexts))}`
    case 1:
      return `${chosen}?${pick(['limit', 'cursor', 'outcome', 'name', '__proto__', ''])}=${latin1(pick(oddTexts))}`
    case 2:
      return `/${latin1(pick(oddTexts))}`
    case 3:
      return chosen.replace(/[a-z]/, () => pick(['%2e', '%2F', '//', '.', '%', ';', '\\']))
    default:
      return chosen
  }
}
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'PROPFIND', 'TRACE', 'get', 'FOO', '']
const authorization = (): string =>
  pick([
    `Bearer ${adminKey}`,
    `Bearer ${adminKey}`,
    `Bearer ${adminKey}`,
    'Bearer x',
    'Basic x',
    `Bearer ${times(50, byte)}`.replaceAll(/[\r\n\0]/g, ''),
  ])
const type = (): string =>
  pick([
    'application/json',
    'application/json',
    'application/zip',
    'text/plain',
    'application/json; charset=latin1',
    'x',
    ';',
    '',
  ])
const oddHeader = (): string =>
  pick([
    () =>
      `X-${times(random(20), () => pick(['a', '-', '_', ' ', ':', '\x7f']))}: ${times(random(40), byte).replaceAll(/[\r\n]/g, '')}\r\n`,
    () => `Content-Length: ${pick(['0', '1', '-1', '99', '1e3', '0x10', '99999999999999999999'])}\r\n`,
    () => `Transfer-Encoding: ${pick(['chunked', 'gzip', 'identity', 'chunked, chunked', ' chunked', 'Chunked'])}\r\n`,
    () => `Host: ${pick(['localhost', 'evil.example', '[::1', 'a b', ''])}\r\n`,
    () => `Expect: ${pick(['100-continue', '200', ''])}\r\n`,
    () => `Connection: ${pick(['close', 'keep-alive', 'upgrade', 'x'])}\r\nUpgrade: ${pick(['h2c', 'websocket'])}\r\n`,
    () => `x-hearth-isolation: ${pick(['gvisor', 'none', '', 'linux, linux'])}\r\n`,
    () => `Cookie: ${'a=b; '.repeat(random(4000))}\r\n`,
  ])()

function hostileRequest(): string {
  const body = pick([
    oddJson,
    oddJson,
    oddJson,
    () => times(random(200), byte),
    () => `PK${times(random(100), byte)}`,
    () => '',
  ])()
  const bytes = Buffer.from(body).toString('latin1')
  const extra = times(random(3) === 0 ? random(3) : 0, oddHeader)
  const request = `${pick(methods)} ${path()} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization()}\r\nContent-Type: ${type()}\r\n${extra}Content-Length: ${bytes.length}\r\nConnection: close\r\n\r\n${bytes}`
  return random(5) === 0 ? damaged(request) : request
}

function damaged(request: string): string {
  const at = random(request.length)
  switch (random(4)) {
    case 0:
      return request.slice(0, at) + byte() + request.slice(at + 1)
    case 1:
      return request.slice(0, at) + request.slice(at + random(20))
    case 2:
      return request.slice(0, at) + times(random(20), byte) + request.slice(at)
    default:
      return request.slice(0, at)
  }
}

it('are all answered with 4xx or a success', async () => {
  const wrong: string[] = []
  const seen = new Map<number, number>()
  const send = async (request: string): Promise<void> => {
    const address = random(4) === 0 ? plane.functionsUrl : plane.control.address
    const received = await sendRaw(address, request)
    const status = Number(
      /^HTTP\/1\.1 (\d{3}) /.exec(received.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, ''))?.[1] ?? 0,
    )
    seen.set(status, (seen.get(status) ?? 0) + 1)
    // Walls that are not here, or a shutdown, would be 503; neither comes up.
    const refusedWalls = status === 503 && received.includes('isolation_unavailable')
    if ((status < 200 || status >= 500) && !refusedWalls) {
      wrong.push(`${status}: ${JSON.stringify(request.slice(0, 400))} -> ${JSON.stringify(received.slice(0, 200))}`)
    }
  }
  let left = requests
  const sendSome = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await send(hostileRequest())
    }
  }
  await Promise.all(Array.from({ length: 100 }, sendSome))
  expect(wrong).toEqual([])
  expect(plane.logged).toEqual([])
  // Not all of them stumbled over the same stone.
  expect(seen.size).toBeGreaterThan(6)
  expect((await plane.call('GET', '/healthz')).status).toBe(200)
})
