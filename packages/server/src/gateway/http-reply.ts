// Turns a function's HTTP answer into what goes onto the wire. Names and values are a stranger's: they are checked, what
// concerns the connection is dropped, and the length is counted here.

import { HEADERS } from '@hearth/protocol'
import type { HttpAnswer } from '../domain/outcome.ts'

export interface HttpReply {
  readonly status: number
  readonly headers: string[]
  /** Null when this answer has no body by its nature. */
  readonly body: Uint8Array | null
}

/** Null when the answer is no HTTP response that may be sent. */
export function httpReply(answer: HttpAnswer, method: string, requestId: string): HttpReply | null {
  const { status } = answer
  // 1xx would not end the request, and the client would take the next answer for this one.
  if (!Number.isInteger(status) || status < 200 || status > 599) return null
  const headers: string[] = []
  for (let at = 0; at < answer.headers.length; at += 2) {
    const name = answer.headers[at] ?? ''
    const value = answer.headers[at + 1]
    const verdict = verdicts.get(name) ?? judge(name)
    if (verdict === 'bad' || value === undefined || badValue.test(value)) return null
    if (verdict === 'sent') headers.push(name, value)
  }
  headers.push(HEADERS.requestId, requestId)
  const bodiless = status === 204 || status === 304
  const body = status === 205 ? nothing : answer.body
  if (!bodiless) headers.push('content-length', String(body.length))
  return { status, headers, body: bodiless || method === 'HEAD' ? null : body }
}

const nothing = Buffer.alloc(0)
const goodName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Anything but tab, visible ASCII, space and the upper half of Latin-1. */
const badValue = /[^\t\x20-\x7e\x80-\xff]/

type Verdict = 'sent' | 'dropped' | 'bad'

const connectionHeaders = [
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'transfer-encoding', 'te', 'trailer'],
  ...['trailers', 'upgrade', 'content-length', 'expect', 'http2-settings'],
]

/** Functions use few names, again and again; what is known of them is kept, up to a bound. */
const verdicts = new Map<string, Verdict>()
const verdictsMax = 1_000

function judge(name: string): Verdict {
  const lower = name.toLowerCase()
  const dropped = connectionHeaders.includes(lower) || lower.startsWith('x-hearth-')
  const verdict = !goodName.test(name) ? 'bad' : dropped ? 'dropped' : 'sent'
  if (verdicts.size < verdictsMax && name.length < 100) verdicts.set(name, verdict)
  return verdict
}
