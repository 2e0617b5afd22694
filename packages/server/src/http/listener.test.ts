import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate as tick } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { openSocket, readAnswers, sendRaw } from '../../test/raw-http.ts'
import { silentLog } from '../domain/log.ts'
import { uuidSource } from '../lib/uuid.ts'
import { readBody } from './body.ts'
import { Listener, type ListenerLimits } from './listener.ts'
import { sendError } from './reply.ts'

const nextId = uuidSource(Date.now)
let listener: Listener | null = null
afterEach(async () => {
  await listener?.close()
  listener = null
})

async function open(
  onRequest: (request: IncomingMessage, response: ServerResponse) => void = echo,
  limits: Partial<ListenerLimits> = {},
): Promise<string> {
  listener = await Listener.open({ host: '127.0.0.1', port: 0, onRequest, nextId, log: silentLog, limits })
  return listener.address
}

/** Answers with how many bytes came. */
function echo(request: IncomingMessage, response: ServerResponse): void {
  readBody(request, response, 1000).then(
    (body) => {
      const text = `${request.method} ${request.url} ${body.length}`
      response.writeHead(200, { 'content-length': text.length }).end(text)
    },
    (fault) => sendError(request, response, fault, nextId(), silentLog),
  )
}

const errorCode = (body: string): string => JSON.parse(body).error.code
const post = (headers: string, body = ''): string => `POST /p HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${body}`

describe('what is not proper HTTP', () => {
  it.each([
    ['both lengths', post('Content-Length: 5\r\nTransfer-Encoding: chunked', '0\r\n\r\n')],
    ['both lengths, the other way round', post('Transfer-Encoding: chunked\r\nContent-Length: 5', '0\r\n\r\n')],
    ['two lengths', post('Content-Length: 5\r\nContent-Length: 6', 'hello')],
    ['the same length twice', post('Content-Length: 5\r\nContent-Length: 5', 'hello')],
    ['a negative length', post('Content-Length: -5', 'hello')],
    ['a length with a sign', post('Content-Length: +5', 'hello')],
    ['a hexadecimal length', post('Content-Length: 0x5', 'hello')],
    ['a folded header', post('X-A: b\r\n c: d')],
    ['a folded transfer encoding', post('Transfer-Encoding:\r\n chunked', '0\r\n\r\n')],
    ['a space before the colon', post('Transfer-Encoding : chunked', '0\r\n\r\n')],
    ['an unknown transfer encoding', post('Transfer-Encoding: xchunked', '0\r\n\r\n')],
    ['chunked not last', post('Transfer-Encoding: chunked, identity', '0\r\n\r\n')],
    ['chunked twice', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n')],
    ['a chunk that is none', post('Transfer-Encoding: chunked', 'zz\r\n\r\n')],
    ['a chunk with a bare line feed', post('Transfer-Encoding: chunked', '1\nA\n0\n\n')],
    ['bare line feeds', 'GET /p HTTP/1.1\nHost: a\n\n'],
    ['a bare line feed between headers', 'GET /p HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n'],
    ['a bare carriage return', 'GET /p HTTP/1.1\r\nHost: a\r\nX-A: b\rX-B: c\r\n\r\n'],
    ['NUL in a header', 'GET /p HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n'],
    ['no host', 'GET /p HTTP/1.1\r\n\r\n'],
    ['two hosts', 'GET /p HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n'],
    ['an absolute target', 'GET http://b/p HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a transfer encoding in HTTP/1.0', 'POST /p HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['an unknown version', 'GET /p HTTP/1.2\r\nHost: a\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x00\xa5\x01\x00\x00'],
    ['bytes outside ASCII in the target', 'GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n'],
  ])('is answered 400 and cut off: %s', async (_, bytes) => {
    const address = await open()
    // What follows must never be taken for a second request.
    const answers = readAnswers(await sendRaw(address, `${bytes}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`))
    expect(answers.map(({ status }) => status)).toEqual([400])
    expect(answers[0]?.head).toMatch(/^connection: close$/im)
    expect(errorCode(answers[0]?.body ?? '')).toBe('malformed_request')
  })

  it('is told apart: headers too large, chunk extensions too large, CONNECT, an odd Expect', async () => {
    const address = await open()
    const statuses = async (bytes: string): Promise<number[]> =>
      readAnswers(await sendRaw(address, bytes)).map(({ status }) => status)
    expect(await statuses(post(`X-A: ${'a'.repeat(20_000)}`))).toEqual([431])
    expect(await statuses(post('Transfer-Encoding: chunked', `1;${'a'.repeat(20_000)}\r\nA\r\n`))).toEqual([413])
    expect(await statuses('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n')).toEqual([405])
    expect(await statuses(post('Expect: 200-ok\r\nContent-Length: 0'))).toEqual([400])
  })

  it('after a good request leaves its answer alone', async () => {
    const address = await open()
    const received = await sendRaw(address, `${post('Content-Length: 2', 'ok')}\0\0garbage`)
    expect(readAnswers(received).filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1)
    expect(received).not.toContain('smuggled')
  })

  it('while a call runs waits for its answer, and then closes', async () => {
    const address = await open((request, response) => {
      readBody(request, response, 10).then(async () => {
        socket.write('\0garbage')
        await new Promise((resolve) => setTimeout(resolve, 50))
        response.writeHead(200, { 'content-length': 4 }).end('done')
      })
    })
    const socket = await openSocket(address)
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.write(post('Content-Length: 2', 'ok'))
    await once(socket, 'close')
    expect(readAnswers(received)).toMatchObject([{ status: 200, body: 'done' }])
  })
})

describe('bodies', () => {
  it('arrive whole, chunked or not, in any number of pieces', async () => {
    const address = await open()
    const socket = await openSocket(address)
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    for (const piece of post('Content-Length: 10\r\nConnection: keep-alive', '0123456789').match(/[\s\S]{1,7}/g) ??
      []) {
      socket.write(piece)
      await tick()
    }
    socket.write(post('Transfer-Encoding: chunked\r\nConnection: close', '3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n'))
    await once(socket, 'close')
    expect(readAnswers(received).map(({ body }) => body)).toEqual(['POST /p 10', 'POST /p 7'])
  })

  it('are refused when too large, announced or not, and the connection can go on', async () => {
    const address = await open()
    const large = 'x'.repeat(2000)
    const announced = `${post('Content-Length: 2000', large)}${post('Content-Length: 1\r\nConnection: close', 'x')}`
    expect(readAnswers(await sendRaw(address, announced)).map(({ status }) => status)).toEqual([413, 200])
    const chunked = `${post('Transfer-Encoding: chunked', `7d0\r\n${large}\r\n0\r\n\r\n`)}${post('Content-Length: 1\r\nConnection: close', 'x')}`
    expect(readAnswers(await sendRaw(address, chunked)).map(({ status }) => status)).toEqual([413, 200])
  })

  it('are asked for when the caller waits to be asked, and not when they are too large', async () => {
    const address = await open()
    const socket = await openSocket(address)
    socket.write(post('Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close'))
    const [first] = await once(socket, 'data')
    expect(String(first)).toMatch(/^HTTP\/1\.1 100 /)
    socket.write('ok')
    const [second] = await once(socket, 'data')
    expect(String(second)).toMatch(/^HTTP\/1\.1 200 /)
    const [refused] = readAnswers(await sendRaw(address, post('Content-Length: 2000\r\nExpect: 100-continue')))
    expect([refused?.status, /^connection: close$/im.test(refused?.head ?? '')]).toEqual([413, true])
  })

  it('that break off abort the request', async () => {
    let fault: unknown = null
    const address = await open((request, response) => {
      readBody(request, response, 100).catch((reason) => {
        fault = reason
      })
    })
    const socket = await openSocket(address)
    socket.write(post('Content-Length: 50', 'only this'))
    await tick()
    socket.destroy()
    while (fault === null) await tick()
    expect(fault).toMatchObject({ name: 'CallerLeft' })
  })
})

describe('slow and many callers', () => {
  it('are told and cut: slow headers, slow bodies', async () => {
    const address = await open(echo, { headersMs: 50, requestMs: 100, checkMs: 20 })
    for (const bytes of ['GET /p HTT', 'GET /p HTTP/1.1\r\nHost: a\r\nX-', post('Content-Length: 10', 'abc')]) {
      const [answer] = readAnswers(await sendRaw(address, bytes))
      expect([answer?.status, errorCode(answer?.body ?? '')]).toEqual([408, 'request_timeout'])
    }
  })

  it('are cut without a word when they keep an idle connection', async () => {
    const address = await open(echo, { keepAliveMs: 20 })
    expect(readAnswers(await sendRaw(address, post('Content-Length: 2', 'ok')))).toHaveLength(1)
  })

  it('are cut when they do not read their answer', async () => {
    const address = await open((_, response) => response.end(Buffer.alloc(64 * 1024 * 1024)), {
      unreadMs: 50,
      checkMs: 20,
    })
    const socket = await openSocket(address)
    socket.pause()
    socket.write('GET /p HTTP/1.1\r\nHost: a\r\n\r\n')
    let bytes = 0
    while (openConnections() < 1) await tick()
    while (openConnections() > 0) await tick()
    socket.on('data', (chunk) => {
      bytes += chunk.length
    })
    socket.resume()
    await once(socket, 'close')
    expect(bytes).toBeLessThan(64 * 1024 * 1024)
  })

  it('get only so many connections per address, and lose the oldest that asks for nothing when another comes', async () => {
    const address = await open(echo, { connectionsPerAddress: 3 })
    const sockets = await Promise.all([1, 2, 3].map(() => openSocket(address)))
    while (openConnections() < 3) await tick()
    const cut = Promise.race(sockets.map((socket) => once(socket, 'close')))
    const answers = readAnswers(await sendRaw(address, post('Content-Length: 2\r\nConnection: close', 'ok')))
    expect(answers.map(({ status }) => status)).toEqual([200])
    await cut
    for (const socket of sockets) socket.destroy()
  })

  it('get no room from connections that wait for their answer', async () => {
    const address = await open(() => {}, { connectionsPerAddress: 2 })
    const busy = await Promise.all([1, 2].map(() => openSocket(address)))
    for (const socket of busy) socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    while (openConnections() < 2) await tick()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await sendRaw(address, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('')
    expect(openConnections()).toBe(2)
    for (const socket of busy) socket.destroy()
  })
})

const openConnections = (): number => listener?.connectionCount ?? 0

describe('a drain', () => {
  it('finishes what is under way, refuses what comes after it, and closes idle connections', async () => {
    let finish = (): void => {}
    const address = await open((_, response) => {
      finish = () => response.writeHead(200, { 'content-length': 4 }).end('done')
    })
    const idle = await openSocket(address)
    const busy = await openSocket(address)
    let received = ''
    busy.on('data', (chunk) => {
      received += chunk
    })
    const started = once(busy, 'close')
    busy.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
    while (openConnections() < 2) await tick()
    await new Promise((resolve) => setTimeout(resolve, 20))
    const drained = listener?.drain(60_000)
    await once(idle, 'close')
    busy.write('GET /late HTTP/1.1\r\nHost: a\r\n\r\n')
    await new Promise((resolve) => setTimeout(resolve, 20))
    finish()
    await Promise.all([drained, started])
    expect(readAnswers(received).map(({ status }) => status)).toEqual([200, 503])
    await expect(openSocket(address)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('sends an answer to its end', async () => {
    const size = 32 * 1024 * 1024
    let ended = (): void => {}
    const asked = new Promise<void>((resolve) => (ended = resolve))
    const address = await open((_, response) => {
      response.writeHead(200, { 'content-length': size }).end(Buffer.alloc(size))
      ended()
    })
    const socket = await openSocket(address)
    socket.pause()
    socket.write('GET /p HTTP/1.1\r\nHost: a\r\n\r\n')
    await asked
    const drained = listener?.drain(60_000)
    let bytes = 0
    socket.on('data', (chunk) => {
      bytes += chunk.length
    })
    socket.resume()
    await drained
    if (!socket.closed) await once(socket, 'close')
    expect(bytes).toBeGreaterThan(size)
  })

  it('cuts what does not finish in time', async () => {
    const address = await open(() => {})
    const socket = await openSocket(address)
    socket.write('GET /p HTTP/1.1\r\nHost: a\r\n\r\n')
    while (openConnections() < 1) await tick()
    await listener?.drain(10)
    while (openConnections() > 0) await tick()
    socket.destroy()
  })
})

it('says where it listens, and why it cannot', async () => {
  const address = await open()
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  const port = Number(new URL(address).port)
  await expect(
    Listener.open({ host: '127.0.0.1', port, onRequest: echo, nextId, log: silentLog }),
  ).rejects.toMatchObject({ code: 'EADDRINUSE' })
})
