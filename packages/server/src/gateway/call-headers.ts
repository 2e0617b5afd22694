// What a call's answer says about how it went, in headers of Hearth's own.

import { HEADERS } from '@hearth/protocol'
import type { Result } from '../domain/invocation.ts'
import { outcomeWord } from '../domain/outcome.ts'

/** name, value, name, value */
export function callHeaders(requestId: string, result: Result): string[] {
  return [
    ...[HEADERS.requestId, requestId, HEADERS.outcome, outcomeWord(result.outcome)],
    ...[HEADERS.isolation, result.isolation, HEADERS.start, result.start],
    HEADERS.timings,
    `queue=${thousandths(result.queueMs)}, init=${thousandths(result.initMs)}, run=${thousandths(result.runMs)}`,
  ]
}

const thousandths = (ms: number): number => Math.round(ms * 1000) / 1000
