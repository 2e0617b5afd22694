import { expect, it } from 'vitest'
import { HearthError } from '../domain/hearth-error.ts'
import { type Log, silentLog } from '../domain/log.ts'
import { errorAnswer } from './reply.ts'

const header = (headers: readonly string[], name: string): string | undefined => headers[headers.indexOf(name) + 1]

it('tells the caller code, message, request id and details', () => {
  const details = [{ path: 'name', message: 'is required' }]
  const answer = errorAnswer(new HearthError('invalid_request', 'name: is required', { details }), 'id-1', silentLog)
  expect(answer.status).toBe(400)
  expect(JSON.parse(answer.body.toString())).toEqual({
    error: { code: 'invalid_request', message: 'name: is required', requestId: 'id-1', details },
  })
  expect(header(answer.headers, 'content-length')).toBe(String(answer.body.length))
})

it('keeps faults of its own to the log, under the request id, once', () => {
  const logged: object[] = []
  const log: Log = { ...silentLog, error: (fields) => logged.push(fields) }
  const fault = new Error('SELECT secret FROM /var/lib/hearth')
  const answer = errorAnswer(fault, 'id-2', log)
  expect(answer.status).toBe(500)
  expect(answer.body.toString()).not.toMatch(/SELECT|secret|var\/lib|at /)
  expect(answer.body.toString()).toContain('id-2')
  expect(logged).toEqual([{ requestId: 'id-2', code: 'internal', err: fault }])
})

it('says when to try again', () => {
  const throttled = errorAnswer(new HearthError('throttled', 'full', { retryAfterSeconds: 1.2 }), 'id', silentLog)
  expect([throttled.status, header(throttled.headers, 'retry-after')]).toEqual([429, '2'])
  expect(header(errorAnswer(new HearthError('throttled', 'full'), 'id', silentLog).headers, 'retry-after')).toBe('1')
})
