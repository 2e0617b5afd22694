// How an invocation ended, as a value. Exceptions are for faults of Hearth or of the caller.

import type { OutcomeWord } from '@hearth/protocol'

/** The answer to a call of kind http, split by the guest and checked by the host. */
export interface HttpAnswer {
  readonly status: number
  /** name, value, name, value: what `ServerResponse.writeHead` takes. */
  readonly headers: readonly string[]
  readonly body: Uint8Array
}

export type Outcome =
  | { readonly kind: 'returned'; readonly payload: Uint8Array; readonly http: HttpAnswer | null }
  /** The handler threw, or could not be loaded. `payload` is error JSON in AWS's shape for the language. */
  | { readonly kind: 'failed'; readonly payload: Uint8Array; readonly during: 'init' | 'run' }
  /** The event was not JSON; the handler did not run. The caller's fault. */
  | { readonly kind: 'rejected'; readonly message: string }
  | { readonly kind: 'timed-out'; readonly limitMs: number; readonly during: 'init' | 'run' }
  | { readonly kind: 'crashed'; readonly how: CrashCause; readonly during: 'init' | 'run' }
  | { readonly kind: 'out-of-memory'; readonly during: 'init' | 'run' }

export type CrashCause =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  /** The guest broke the rules of the channel, or closed it while alive. */
  | { readonly kind: 'channel'; readonly violation: string }

/** POLICY: a place that has lost control of its guest is never used again. */
export const isReusable = (outcome: Outcome): boolean =>
  outcome.kind === 'returned' || outcome.kind === 'rejected' || (outcome.kind === 'failed' && outcome.during === 'run')

export const outcomeWord = (outcome: Outcome): OutcomeWord => {
  switch (outcome.kind) {
    case 'returned':
      return 'ok'
    case 'failed':
    case 'rejected':
      return 'error'
    case 'timed-out':
      return 'timeout'
    case 'crashed':
      return 'crash'
    case 'out-of-memory':
      return 'oom'
  }
}
