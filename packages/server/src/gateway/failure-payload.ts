// The bytes an invoker reads when the function failed: its own error, or AWS's words for how it ended.

import { failureOf, type WordlessOutcome } from '../domain/failure.ts'
import type { Outcome } from '../domain/outcome.ts'

export function failurePayload(
  outcome: WordlessOutcome | Extract<Outcome, { kind: 'failed' }>,
  requestId: string,
): Uint8Array {
  return outcome.kind === 'failed' ? outcome.payload : Buffer.from(JSON.stringify(failureOf(outcome, requestId)))
}
