import { describe, expect, it } from 'vitest'
import { httpReply } from './http-reply.ts'

const bytes = Buffer.from('hello')
const reply = (status: number, headers: string[] = [], method = 'GET') =>
  httpReply({ status, headers, body: bytes }, method, 'id')

describe("a function's HTTP answer", () => {
  it('goes out with its headers, repeated ones too, and a counted length', () => {
    expect(reply(201, ['Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'X-Tab', 'a\tb', 'X-Latin', 'caf\u00e9'])).toEqual({
      status: 201,
      headers: [
        ...['Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'X-Tab', 'a\tb', 'X-Latin', 'caf\u00e9'],
        ...['x-hearth-request-id', 'id', 'content-length', '5'],
      ],
      body: bytes,
    })
  })

  it('says nothing about the connection, its framing or the platform', () => {
    const mine = ['Connection', 'KEEP-ALIVE', 'Transfer-Encoding', 'Content-Length', 'Upgrade', 'TE', 'Trailer']
    const forged = ['X-Hearth-Request-Id', 'x-hearth-outcome', 'keep-alive', 'proxy-connection']
    for (const name of [...mine, ...forged]) {
      expect(reply(200, [name, '1'])?.headers).toEqual(['x-hearth-request-id', 'id', 'content-length', '5'])
    }
  })

  it.each([100, 101, 103, 199, 99, 0, -1, 600, 1000, 200.5, Number.NaN])('is refused with status %d', (status) => {
    expect(reply(status)).toBeNull()
  })

  it.each([
    ['a line end in a value', ['x', 'a\r\nset-cookie: b']],
    ['a line feed in a value', ['x', 'a\nb']],
    ['NUL in a value', ['x', 'a\0b']],
    ['delete in a value', ['x', 'a\x7fb']],
    ['a character beyond Latin-1', ['x', '\u0100']],
    ['a line end in a name', ['a\r\nb', 'x']],
    ['a space in a name', ['a b', 'x']],
    ['a colon in a name', ['a:b', 'x']],
    ['an empty name', ['', 'x']],
    ['a name beyond ASCII', ['\u00e9', 'x']],
    ['a bad value under a name that is dropped', ['content-length', '5\r\nx: y']],
    ['a name without a value', ['x']],
  ])('is refused with %s', (_, headers) => {
    expect(reply(200, headers)).toBeNull()
    // The second time the verdict on the name comes from memory.
    expect(reply(200, headers)).toBeNull()
  })

  it('has no body where HTTP allows none', () => {
    expect(reply(204)).toMatchObject({ body: null, headers: ['x-hearth-request-id', 'id'] })
    expect(reply(304)?.body).toBeNull()
    expect(reply(205)).toMatchObject({ body: Buffer.alloc(0) })
    expect(reply(200, [], 'HEAD')).toMatchObject({
      body: null,
      headers: ['x-hearth-request-id', 'id', 'content-length', '5'],
    })
  })
})
