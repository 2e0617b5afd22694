// Reads an answer frame. Everything in it is a stranger's word, so its shape is checked before it becomes an outcome.

import { ANSWER_STATUS, CALL_KIND, type CallKind, LIMITS } from '@hearth/protocol'
import type { HttpAnswer, Outcome } from '../domain/outcome.ts'

export interface Answer {
  readonly flags: number
  readonly outcome: Outcome
}

export type AnswerReading = Answer | { readonly violation: string }

const headerBytes = 2

export function readAnswer(kind: CallKind, payload: Buffer): AnswerReading {
  if (payload.length < headerBytes) return { violation: 'an answer was cut short' }
  const flags = payload.readUInt8(1)
  const body = payload.subarray(headerBytes)
  switch (payload.readUInt8(0)) {
    case ANSWER_STATUS.returned: {
      if (kind !== CALL_KIND.http) return { flags, outcome: { kind: 'returned', payload: body, http: null } }
      const http = readHttpAnswer(body)
      if (http === null) return { violation: 'an HTTP answer was malformed' }
      return { flags, outcome: { kind: 'returned', payload: http.body, http } }
    }
    case ANSWER_STATUS.failed:
      if (body.length > LIMITS.errorPayloadBytesMax) return { violation: 'an error was too large' }
      return { flags, outcome: { kind: 'failed', payload: body, during: 'run' } }
    case ANSWER_STATUS.rejected:
      return { flags, outcome: { kind: 'rejected', message: body.subarray(0, 1024).toString() } }
    default:
      return { violation: 'an answer had an unknown status' }
  }
}

function readHttpAnswer(bytes: Buffer): HttpAnswer | null {
  if (bytes.length < 4) return null
  const headLength = bytes.readUInt32BE(0)
  if (headLength > LIMITS.headBytesMax || headLength > bytes.length - 4) return null
  const [statusText, ...headers] = bytes.toString('latin1', 4, 4 + headLength).split('\0')
  if (statusText === undefined || !/^[1-5]\d\d$/.test(statusText) || headers.length % 2 !== 0) return null
  return { status: Number(statusText), headers, body: bytes.subarray(4 + headLength) }
}
