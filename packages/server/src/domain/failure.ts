// What a caller reads when there is no answer of the function's own: AWS's error objects, word for word.

import type { CrashCause, Outcome } from './outcome.ts'

export interface Failure {
  readonly errorType: string
  readonly errorMessage: string
}

/** Outcomes that the platform, not the guest, has to put into words. */
export type WordlessOutcome = Extract<Outcome, { kind: 'timed-out' | 'crashed' | 'out-of-memory' }>

export function failureOf(outcome: WordlessOutcome, requestId: string): Failure {
  const message = (text: string): string => `RequestId: ${requestId} Error: ${text}`
  switch (outcome.kind) {
    case 'timed-out':
      return {
        errorType: 'Sandbox.Timedout',
        errorMessage: message(`Task timed out after ${(outcome.limitMs / 1000).toFixed(2)} seconds`),
      }
    case 'out-of-memory':
      return { errorType: 'Runtime.OutOfMemory', errorMessage: message('Runtime exited with error: signal: killed') }
    case 'crashed':
      return { errorType: 'Runtime.ExitError', errorMessage: message(crashText(outcome.how)) }
  }
}

function crashText(how: CrashCause): string {
  switch (how.kind) {
    case 'exited':
      return how.code === 0
        ? 'Runtime exited without providing a reason'
        : `Runtime exited with error: exit status ${how.code}`
    case 'signalled':
      return `Runtime exited with error: signal: ${signalWords.get(how.signal) ?? how.signal}`
    case 'channel':
      return `Runtime exited without providing a reason (${how.violation})`
  }
}

/** Signals in the words of AWS's own supervisor, which is written in Go. */
const signalWords: ReadonlyMap<string, string> = new Map([
  ['SIGHUP', 'hangup'],
  ['SIGINT', 'interrupt'],
  ['SIGQUIT', 'quit'],
  ['SIGILL', 'illegal instruction'],
  ['SIGTRAP', 'trace/breakpoint trap'],
  ['SIGABRT', 'aborted'],
  ['SIGBUS', 'bus error'],
  ['SIGFPE', 'floating point exception'],
  ['SIGKILL', 'killed'],
  ['SIGUSR1', 'user defined signal 1'],
  ['SIGSEGV', 'segmentation fault'],
  ['SIGUSR2', 'user defined signal 2'],
  ['SIGPIPE', 'broken pipe'],
  ['SIGALRM', 'alarm clock'],
  ['SIGTERM', 'terminated'],
  ['SIGSYS', 'bad system call'],
])
