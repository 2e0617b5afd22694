// What is kept of an invocation, from how it ended.

import { failureOf } from '../domain/failure.ts'
import type { Invocation, InvocationRecord, Result } from '../domain/invocation.ts'
import { type Outcome, outcomeWord } from '../domain/outcome.ts'

const messageLengthMax = 1024

export function invocationRecord(invocation: Invocation, result: Result, receivedAtMs: number): InvocationRecord {
  const { version } = invocation
  const { outcome } = result
  const fault = faultOf(outcome, invocation.requestId)
  return {
    requestId: invocation.requestId,
    functionId: version.functionId,
    functionName: version.functionName,
    versionNumber: version.number,
    trigger: invocation.trigger,
    runtime: version.config.runtime,
    language: version.config.language,
    isolation: result.isolation,
    start: result.start,
    sandboxId: result.sandboxId,
    outcome: outcomeWord(outcome),
    errorType: fault === null ? null : fault.type,
    errorMessage: fault === null ? null : fault.message,
    receivedAtMs,
    queueMs: result.queueMs,
    initMs: result.initMs,
    runMs: result.runMs,
    totalMs: result.queueMs + result.initMs + result.runMs,
    // Whole milliseconds, loading included, as AWS bills.
    billedMs: Math.ceil(result.runMs + result.initMs),
    memoryMb: version.config.memoryMb,
    memoryUsedBytes: result.memoryUsedBytes,
    cpuMs: result.cpuMs,
    eventBytes: invocation.body.length,
    answerBytes: outcome.kind === 'returned' || outcome.kind === 'failed' ? outcome.payload.length : 0,
    logs: result.logs,
  }
}

interface Fault {
  readonly type: string
  readonly message: string
}

function faultOf(outcome: Outcome, requestId: string): Fault | null {
  switch (outcome.kind) {
    case 'returned':
      return null
    case 'failed':
      return guestFault(outcome.payload)
    case 'rejected':
      return { type: 'InvalidRequestContent', message: outcome.message }
    default: {
      const { errorType, errorMessage } = failureOf(outcome, requestId)
      return { type: errorType, message: errorMessage }
    }
  }
}

/** The guest's own words about its error: JSON from a stranger, of any shape. */
function guestFault(payload: Uint8Array): Fault {
  try {
    const said: unknown = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString())
    if (typeof said === 'object' && said !== null) {
      const { errorType, errorMessage } = said as { errorType?: unknown; errorMessage?: unknown }
      return { type: short(errorType, 'Error'), message: short(errorMessage, '') }
    }
  } catch {
    // Not JSON after all: as good as unknown.
  }
  return { type: 'Runtime.Unknown', message: '' }
}

const short = (value: unknown, otherwise: string): string =>
  typeof value === 'string' ? value.slice(0, messageLengthMax) : otherwise
