// The closed lists of words that travel between server, command line, dashboard and sandbox.

/** Kinds of walls, weakest first. The order is the floor rule: a call may move right in this list, never left. */
export const ISOLATIONS = ['process', 'linux', 'docker', 'gvisor', 'microvm'] as const
export type Isolation = (typeof ISOLATIONS)[number]

export const NETWORKS = ['none', 'egress'] as const
export type Network = (typeof NETWORKS)[number]

export const ACCESSES = ['key', 'public'] as const
export type Access = (typeof ACCESSES)[number]

export const LANGUAGES = ['python', 'javascript'] as const
export type Language = (typeof LANGUAGES)[number]

/** How an invocation ended, as callers read it in `x-hearth-outcome`. */
export const OUTCOME_WORDS = ['ok', 'error', 'timeout', 'crash', 'oom'] as const
export type OutcomeWord = (typeof OUTCOME_WORDS)[number]

/** Where the instance that served a call came from. */
export const START_WORDS = ['cold', 'pool', 'warm'] as const
export type StartWord = (typeof START_WORDS)[number]

export const SCOPES = ['admin', 'read', 'invoke'] as const
export type Scope = (typeof SCOPES)[number]

/** Headers of Hearth's own, lower-case as Node hands them over. */
export const HEADERS = {
  requestId: 'x-hearth-request-id',
  outcome: 'x-hearth-outcome',
  isolation: 'x-hearth-isolation',
  start: 'x-hearth-start',
  /** Milliseconds with three decimals: `queue=0.021, init=0, run=1.204`. */
  timings: 'x-hearth-timings',
} as const
