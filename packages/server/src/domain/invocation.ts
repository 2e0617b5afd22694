// One call on its way down, and what is remembered of it afterwards.

import type { CallExtras, CallKind, Isolation, Language, OutcomeWord, StartWord } from '@hearth/protocol'
import type { Version } from './function.ts'
import type { Outcome } from './outcome.ts'

export type Trigger = 'invoke' | 'route' | 'execute'

/** One call, ready to run. The body is bytes in the channel's form for its kind and is never parsed by the host. */
export interface Invocation {
  /** Time-ordered UUID; the caller's request id. */
  readonly requestId: string
  readonly version: Version
  readonly isolation: Isolation
  readonly trigger: Trigger
  readonly kind: CallKind
  readonly body: Uint8Array
  /** Null when there is nothing extra to tell the guest. */
  readonly extras: CallExtras | null
  /** `Clock.nowMs` when the door had the whole request. */
  readonly receivedMs: number
  /** Aborted when the caller leaves. A call that has started runs on; one that waits gives up its place. */
  readonly signal: AbortSignal
  /** Whether the caller wants the logs with the answer: then the result waits for them. */
  readonly wantsLogs: boolean
}

/** What the scheduler hands back: the outcome and how it came about. */
export interface Result {
  readonly outcome: Outcome
  readonly isolation: Isolation
  readonly start: StartWord
  readonly sandboxId: string
  /** Received until handed to an instance whose handler was loaded (the init of its own cold start not counted). */
  readonly queueMs: number
  /** Sandbox creation and handler load this call had to wait for; 0 when warm. */
  readonly initMs: number
  /** From its turn in its instance until it was answered, killed or died, by the host's clock. */
  readonly runMs: number
  readonly memoryUsedBytes: number | null
  readonly cpuMs: number | null
  readonly logs: CapturedLogs
}

export interface CapturedLogs {
  readonly lines: readonly CapturedLine[]
  readonly droppedBytes: number
}

export interface CapturedLine {
  readonly wallMs: number
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}

export const noLogs: CapturedLogs = { lines: [], droppedBytes: 0 }

/** What is kept of a finished invocation. */
export interface InvocationRecord {
  readonly requestId: string
  readonly functionId: string
  readonly functionName: string
  readonly versionNumber: number
  readonly trigger: Trigger
  readonly runtime: string
  readonly language: Language
  readonly isolation: Isolation
  readonly start: StartWord
  readonly sandboxId: string
  readonly outcome: OutcomeWord
  readonly errorType: string | null
  readonly errorMessage: string | null
  readonly receivedAtMs: number
  readonly queueMs: number
  readonly initMs: number
  readonly runMs: number
  readonly totalMs: number
  readonly billedMs: number
  readonly memoryMb: number
  readonly memoryUsedBytes: number | null
  readonly cpuMs: number | null
  readonly eventBytes: number
  readonly answerBytes: number
  readonly logs: CapturedLogs
}
