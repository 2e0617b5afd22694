// What is kept of an invocation, from how it ended.

import type { Invocation, InvocationRecord, Result } from '../domain/invocation.ts'
import { type Outcome, outcomeWord } from '../domain/outcome.ts'

const messageLengthMax = 1024

export function invocationRecord(invocation: Invocation, result: Result, receivedAtMs: number): InvocationRecord {
  const { version } = invocation
  const { outcome } = result
  const fault = faultOf(outcome)
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

function faultOf(outcome: Outcome): Fault | null {
  switch (outcome.kind) {
    case 'returned':
      return null
    case 'failed':
      return guestFault(outcome.payload)
    case 'rejected':
      return { type: 'InvalidRequestContent', message: outcome.message }
    case 'timed-out':
      return { type: 'Sandbox.Timedout', message: `${outcome.during} took longer than ${outcome.limitMs / 1000} s` }
    case 'out-of-memory':
      return { type: 'Runtime.OutOfMemory', message: `out of memory during ${outcome.during}` }
    case 'crashed': {
      const { how } = outcome
      if (how.kind === 'channel') return { type: 'Runtime.ExitError', message: how.violation }
      const ending = how.kind === 'exited' ? `exit status ${how.code}` : `signal ${how.signal}`
      return { type: 'Runtime.ExitError', message: ending }
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
