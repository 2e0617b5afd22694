import { CALL_KIND } from '@hearth/protocol'
import { expect, it } from 'vitest'
import { type Invocation, noLogs, type Result } from '../domain/invocation.ts'
import type { Outcome } from '../domain/outcome.ts'
import { invocationRecord } from './invocation-record.ts'

const invocation = {
  requestId: 'r',
  version: {
    functionId: 'f',
    functionName: 'n',
    number: 3,
    config: { runtime: 'python3.11', language: 'python', memoryMb: 128 },
  },
  trigger: 'invoke',
  kind: CALL_KIND.event,
  body: Buffer.from('{}'),
} as unknown as Invocation

const recordOf = (outcome: Outcome) => {
  const result: Result = {
    outcome,
    isolation: 'linux',
    start: 'cold',
    sandboxId: 's',
    queueMs: 1,
    initMs: 2.2,
    runMs: 3.3,
    memoryUsedBytes: null,
    cpuMs: null,
    logs: noLogs,
  }
  return invocationRecord(invocation, result, 1000)
}

it('names every way to end', () => {
  const failed = (payload: string): Outcome => ({ kind: 'failed', payload: Buffer.from(payload), during: 'run' })
  const told = (outcome: Outcome): unknown[] => {
    const { outcome: word, errorType, errorMessage } = recordOf(outcome)
    return [word, errorType, errorMessage]
  }
  expect(told({ kind: 'returned', payload: Buffer.from('1'), http: null })).toEqual(['ok', null, null])
  expect(told(failed('{"errorType":"ValueError","errorMessage":"no"}'))).toEqual(['error', 'ValueError', 'no'])
  expect(told(failed('{"errorType":{},"errorMessage":7}'))).toEqual(['error', 'Error', ''])
  expect(told(failed('not json'))).toEqual(['error', 'Runtime.Unknown', ''])
  expect(told(failed('null'))).toEqual(['error', 'Runtime.Unknown', ''])
  expect(told({ kind: 'timed-out', limitMs: 1500, during: 'run' })).toEqual([
    'timeout',
    'Sandbox.Timedout',
    'RequestId: r Error: Task timed out after 1.50 seconds',
  ])
  expect(told({ kind: 'crashed', how: { kind: 'exited', code: 3 }, during: 'run' })).toEqual([
    'crash',
    'Runtime.ExitError',
    'RequestId: r Error: Runtime exited with error: exit status 3',
  ])
  expect(told({ kind: 'out-of-memory', during: 'init' })).toEqual([
    'oom',
    'Runtime.OutOfMemory',
    'RequestId: r Error: Runtime exited with error: signal: killed',
  ])
})

it('adds up its times and bills loading and running in whole milliseconds', () => {
  const record = recordOf({ kind: 'returned', payload: Buffer.from('1'), http: null })
  expect(record.totalMs).toBeCloseTo(6.5)
  expect(record.billedMs).toBe(6)
})
