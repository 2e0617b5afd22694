import { describe, expect, it } from 'vitest'
import { failureOf } from './failure.ts'

describe('failures in the words of AWS', () => {
  it('names the limit of a timeout in seconds with two decimals', () => {
    expect(failureOf({ kind: 'timed-out', limitMs: 1000, during: 'run' }, 'id-1')).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: 'RequestId: id-1 Error: Task timed out after 1.00 seconds',
    })
  })

  it.each([
    [{ kind: 'exited', code: 0 }, 'Runtime exited without providing a reason'],
    [{ kind: 'exited', code: 127 }, 'Runtime exited with error: exit status 127'],
    [{ kind: 'signalled', signal: 'SIGKILL' }, 'Runtime exited with error: signal: killed'],
    [{ kind: 'signalled', signal: 'SIGSEGV' }, 'Runtime exited with error: signal: segmentation fault'],
    [{ kind: 'signalled', signal: 'SIGRTMIN' }, 'Runtime exited with error: signal: SIGRTMIN'],
  ] as const)('tells how the runtime ended: %o', (how, text) => {
    expect(failureOf({ kind: 'crashed', how, during: 'run' }, 'id-2')).toEqual({
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: id-2 Error: ${text}`,
    })
  })

  it('tells want of memory apart from other deaths', () => {
    expect(failureOf({ kind: 'out-of-memory', during: 'init' }, 'id-3').errorType).toBe('Runtime.OutOfMemory')
  })
})
