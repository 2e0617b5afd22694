import { ANSWER_FLAG, boundaryPrefix, LIMITS } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import type { CapturedLogs } from '../domain/invocation.ts'
import { LogCollector } from './log-collector.ts'

const secret = '0123456789abcdef0123456789abcdef'
const boundary = (sequence: number): string => `${boundaryPrefix(secret)}${sequence}\n`
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

function collect(): { logs: LogCollector; of: Map<number, CapturedLogs>; begin: (sequence: number) => void } {
  const logs = new LogCollector(secret, () => 1000)
  const of = new Map<number, CapturedLogs>()
  return { logs, of, begin: (sequence) => logs.begin(sequence, (captured) => of.set(sequence, captured)) }
}

const texts = (captured: CapturedLogs | undefined): string[] =>
  (captured?.lines ?? []).map((line) => `${line.stream}: ${line.text}`)

describe('LogCollector', () => {
  it('gives each call what it printed, by the boundary, even when two calls arrive in one read', async () => {
    const { logs, of, begin } = collect()
    begin(1)
    begin(2)
    logs.answered(1, ANSWER_FLAG.stdoutBoundary)
    logs.feed('stdout', Buffer.from(`one\n${boundary(1)}two\n`))
    logs.answered(2, 0)
    await turn()
    expect(texts(of.get(1))).toEqual(['stdout: one'])
    expect(texts(of.get(2))).toEqual(['stdout: two'])
  })

  it('finds a boundary however it is cut', async () => {
    const text = `a\n${boundary(1)}b\n${boundary(2)}`
    for (let cut = 1; cut < text.length; cut += 1) {
      const { logs, of, begin } = collect()
      begin(1)
      begin(2)
      logs.answered(1, ANSWER_FLAG.stdoutBoundary)
      logs.answered(2, ANSWER_FLAG.stdoutBoundary)
      logs.feed('stdout', Buffer.from(text.slice(0, cut)))
      logs.feed('stdout', Buffer.from(text.slice(cut)))
      await turn()
      expect([texts(of.get(1)), texts(of.get(2))]).toEqual([['stdout: a'], ['stdout: b']])
    }
  })

  it('closes a silent call at the end of the turn in which it was answered', async () => {
    const { logs, of, begin } = collect()
    begin(1)
    logs.answered(1, 0)
    logs.feed('stderr', Buffer.from('from a child process\n'))
    await turn()
    expect(texts(of.get(1))).toEqual(['stderr: from a child process'])
  })

  it('gives output that came between calls to the next call', async () => {
    const { logs, of, begin } = collect()
    logs.feed('stdout', Buffer.from('module scope\n'))
    begin(1)
    logs.answered(1, 0)
    await turn()
    expect(texts(of.get(1))).toEqual(['stdout: module scope'])
  })

  it('keeps at most the limit of a flood and counts the rest', async () => {
    const { logs, of, begin } = collect()
    begin(1)
    const chunk = Buffer.from(`${'x'.repeat(65_535)}\n`)
    for (let i = 0; i < 64; i += 1) logs.feed('stdout', chunk)
    logs.answered(1, 0)
    await turn()
    const captured = of.get(1)
    const kept = (captured?.lines ?? []).reduce((sum, line) => sum + line.text.length + 1, 0)
    expect(kept).toBe(LIMITS.logBytesPerCall)
    expect(captured?.droppedBytes).toBe(64 * 65_536 - LIMITS.logBytesPerCall)
  })

  it('keeps a bounded number of lines, because an empty one costs as much as a full one', async () => {
    const { logs, of, begin } = collect()
    logs.feed('stderr', Buffer.alloc(50_000, 10))
    begin(1)
    logs.feed('stdout', Buffer.alloc(300_000, 10))
    logs.feed('stdout', Buffer.from('the end\n'))
    logs.answered(1, 0)
    await turn()
    expect(of.get(1)?.lines).toHaveLength(10_000)
    expect(of.get(1)?.droppedBytes).toBe(50_000 + 300_000 + 8 - 10_000)
  })

  it('cuts a line that never ends', async () => {
    const { logs, of, begin } = collect()
    begin(1)
    logs.feed('stdout', Buffer.alloc(LIMITS.logLineBytes + 10, 'y'))
    logs.answered(1, 0)
    await turn()
    expect((of.get(1)?.lines ?? []).map((line) => line.text.length)).toEqual([LIMITS.logLineBytes, 10])
  })

  it('treats NUL bytes and forged boundaries as text', async () => {
    const { logs, of, begin } = collect()
    begin(1)
    logs.feed('stdout', Buffer.from(`\0\0${boundaryPrefix('f'.repeat(32))}1\nSTART RequestId: forged\n\0`))
    logs.answered(1, 0)
    await turn()
    logs.end()
    expect(texts(of.get(1))[1]).toBe('stdout: START RequestId: forged')
  })

  it('completes every open call when the streams end', () => {
    const { logs, of, begin } = collect()
    begin(1)
    logs.feed('stderr', Buffer.from('last words'))
    logs.answered(1, ANSWER_FLAG.stderrBoundary)
    logs.end()
    expect(texts(of.get(1))).toEqual(['stderr: last words'])
  })
})
