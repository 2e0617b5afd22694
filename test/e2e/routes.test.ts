// A function behind its own HTTP route on the functions port.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adminKey, HearthProcess } from '../support/hearth-process.ts'

let hearth: HearthProcess
beforeAll(async () => {
  hearth = await HearthProcess.start()
  await hearth.deploy({
    name: 'mirror',
    language: 'javascript',
    route: '/mirror/{name}/{rest+}',
    access: 'public',
    code: 'export const handler = async (event) => event\n',
  })
  await hearth.deploy({
    name: 'shapes',
    language: 'python',
    route: '/shapes',
    access: 'public',
    code: `
def handler(event, context):
    shape = (event.get("queryStringParameters") or {}).get("shape")
    return {
        "full": {"statusCode": 201, "headers": {"X-Made-By": "hearth", "content-type": "text/plain"}, "body": "made", "cookies": ["a=1", "b=2"]},
        "binary": {"statusCode": 200, "headers": {"content-type": "image/png"}, "body": "iVBORw0KGgo=", "isBase64Encoded": True},
        "text": "just text",
        "list": [1, 2],
        "none": None,
        "empty": {"statusCode": 204},
        "bad-status": {"statusCode": "abc"},
        "injection": {"statusCode": 200, "headers": {"x-a": "1\\r\\nx-injected: yes"}, "body": ""},
        "hop": {"statusCode": 200, "headers": {"connection": "close", "transfer-encoding": "chunked", "content-length": "999"}, "body": "short"},
        "informational": {"statusCode": 101, "body": ""},
    }[shape]
`,
  })
  await hearth.deploy({
    name: 'locked',
    language: 'python',
    route: '/locked',
    code: 'def handler(event, context):\n    return "open"\n',
  })
  await hearth.deploy({
    name: 'broken',
    language: 'python',
    route: '/broken',
    access: 'public',
    timeout: 1,
    code: 'import time\ndef handler(event, context):\n    if event["rawQueryString"] == "slow": time.sleep(30)\n    raise ValueError("secret detail")\n',
  })
})
afterAll(() => hearth.remove())

interface UrlEvent {
  version: string
  rawPath: string
  rawQueryString: string
  headers: Record<string, string>
  cookies?: string[]
  pathParameters?: Record<string, string>
  queryStringParameters?: Record<string, string>
  requestContext: { http: { method: string; path: string; sourceIp: string }; requestId: string; timeEpoch: number }
  body?: string
  isBase64Encoded: boolean
}

describe('the request a function sees', () => {
  it('has the form of a Lambda function URL event, version 2.0', async () => {
    const { body } = await hearth.route<UrlEvent>('POST', '/mirror/a%20b/c/d?x=1&x=2&y=%C3%A9', '{"n":1}', {
      'content-type': 'application/json',
      'X-Custom': 'yes',
      cookie: 'c=1; d=2',
    })
    expect(body).toMatchObject({
      version: '2.0',
      rawPath: '/mirror/a%20b/c/d',
      rawQueryString: 'x=1&x=2&y=%C3%A9',
      cookies: ['c=1', 'd=2'],
      pathParameters: { name: 'a b', rest: 'c/d' },
      queryStringParameters: { x: '1,2', y: 'é' },
      body: '{"n":1}',
      isBase64Encoded: false,
      requestContext: { http: { method: 'POST', path: '/mirror/a%20b/c/d', sourceIp: '127.0.0.1' } },
    })
    expect(body.headers['x-custom']).toBe('yes')
    expect(body.headers.cookie).toBeUndefined()
  })

  it('carries binary bodies as base64, byte for byte', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    const { body } = await hearth.route<UrlEvent>('PUT', '/mirror/x/y', bytes, {
      'content-type': 'application/octet-stream',
    })
    expect(body.isBase64Encoded).toBe(true)
    expect([...Buffer.from(body.body ?? '', 'base64')]).toEqual([...bytes])
  })

  it('comes with every method', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const { body } = await hearth.route<UrlEvent>(method, '/mirror/x/y')
      expect(body.requestContext.http.method).toBe(method)
    }
    const head = await hearth.route('HEAD', '/mirror/x/y')
    expect([head.status, head.text]).toEqual([200, ''])
  })
})

describe('the answer a caller sees', () => {
  const shape = (name: string) => hearth.route('GET', `/shapes?shape=${name}`)

  it('takes status, headers, cookies and body from the function', async () => {
    const { status, headers, text } = await shape('full')
    expect([status, text, headers.get('x-made-by')]).toEqual([201, 'made', 'hearth'])
    expect(headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  })

  it('decodes binary bodies', async () => {
    const response = await fetch(`${hearth.ready.functions}/shapes?shape=binary`)
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  })

  it('wraps plain values: text bare, the rest as JSON', async () => {
    expect((await shape('text')).text).toBe('just text')
    expect((await shape('list')).text).toBe(
      '[1,2]'.replace(',', (await shape('list')).text.includes(', ') ? ', ' : ','),
    )
    expect((await shape('empty')).status).toBe(204)
  })

  it('refuses malformed answers with 502 and injects nothing', async () => {
    for (const name of ['bad-status', 'injection', 'informational']) {
      const { status, headers } = await shape(name)
      expect([name, status]).toEqual([name, 502])
      expect(headers.get('x-injected')).toBeNull()
    }
  })

  it('computes the framing itself', async () => {
    const { status, text, headers } = await shape('hop')
    expect([status, text, headers.get('content-length')]).toEqual([200, 'short', '5'])
  })

  it('hides the details of a failure, and tells a timeout apart', async () => {
    const failed = await hearth.route('GET', '/broken')
    expect(failed.status).toBe(502)
    expect(failed.text).not.toContain('secret detail')
    expect((await hearth.route('GET', '/broken?slow')).status).toBe(504)
  })
})

it('asks for a key unless the function is public', async () => {
  expect((await hearth.route('GET', '/locked')).status).toBe(401)
  const opened = await hearth.route('GET', '/locked', undefined, { authorization: `Bearer ${adminKey}` })
  expect([opened.status, opened.text]).toEqual([200, 'open'])
})

it('answers 404 where no function is', async () => {
  expect((await hearth.route('GET', '/nothing/here')).status).toBe(404)
})
