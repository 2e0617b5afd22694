// POST /functions/execute: a call with positional arguments, answered with output, error and what was printed apart.

import { CALL_KIND, type ExecuteInput, type ExecuteView, ISOLATIONS, type Isolation, LIMITS } from '@hearth/protocol'
import { Faults } from '../catalog/faults.ts'
import { type FunctionCatalog, functionNotFound } from '../catalog/function-catalog.ts'
import type { Clock } from '../domain/clock.ts'
import { failureOf } from '../domain/failure.ts'
import { HearthError } from '../domain/hearth-error.ts'
import type { CapturedLogs, Result } from '../domain/invocation.ts'
import { outcomeWord } from '../domain/outcome.ts'
import { callerLeft } from '../http/caller-left.ts'
import { parseJson } from '../http/json.ts'
import type { Invoker } from '../invoke/invoker.ts'
import type { Api } from './api.ts'
import { ErrorBodySchema, ExecuteInputSchema, ExecuteViewSchema } from './schemas.ts'

export interface ExecuteRoutesParts {
  readonly functions: Pick<FunctionCatalog, 'byIdOrName'>
  readonly invoker: Invoker
  readonly clock: Clock
}

export function addExecuteRoutes(api: Api, { functions, invoker, clock }: ExecuteRoutesParts): void {
  api.post(
    '/functions/execute',
    {
      config: { scope: 'invoke', bodyBytes: LIMITS.jsonBodyBytes },
      schema: {
        tags: ['functions'],
        summary: 'Call a function with positional arguments',
        body: ExecuteInputSchema,
        response: { 200: ExecuteViewSchema, '4xx': ErrorBodySchema, '5xx': ErrorBodySchema },
      },
    },
    async (request): Promise<ExecuteView> => {
      const { id, args, isolation } = readExecuteInput(request.body)
      const record = functions.byIdOrName(id)
      if (record === null) throw functionNotFound(id)
      const result = await invoker.invoke({
        requestId: request.id,
        version: record.latest,
        isolation,
        trigger: 'execute',
        kind: CALL_KIND.arguments,
        body: Buffer.from(JSON.stringify(args)),
        extras: null,
        receivedMs: clock.nowMs(),
        signal: callerLeft(request.raw),
        wantsLogs: true,
      })
      return executeView(request.id, result)
    },
  )
}

interface Execution {
  readonly id: string
  readonly args: readonly unknown[]
  readonly isolation: Isolation | null
}

export function readExecuteInput(input: unknown): Execution {
  const faults = new Faults()
  const given = new Map(
    typeof input === 'object' && input !== null && !Array.isArray(input) ? Object.entries(input) : [],
  )
  const fields = ['id', 'args', 'isolation', 'use_gvisor'] satisfies (keyof ExecuteInput)[]
  for (const field of given.keys()) {
    if (!fields.some((known) => known === field)) faults.add(field, `is not a field; there are ${fields.join(', ')}`)
  }
  const id: unknown = given.get('id')
  const args: unknown = given.get('args') ?? []
  const wish: unknown = given.get('isolation') ?? null
  const gvisor: unknown = given.get('use_gvisor') ?? false
  if (typeof id !== 'string' || id === '') faults.add('id', 'must be the id or name of a function')
  if (!Array.isArray(args) || args.length > LIMITS.argumentsCount) {
    faults.add('args', `must be a list of at most ${LIMITS.argumentsCount} arguments`)
  }
  const isolation = ISOLATIONS.find((candidate) => candidate === wish) ?? null
  if (wish !== null && isolation === null) faults.add('isolation', `must be one of ${ISOLATIONS.join(', ')}`)
  if (typeof gvisor !== 'boolean') faults.add('use_gvisor', 'must be true or false')
  if (gvisor === true && isolation !== null && isolation !== 'gvisor') {
    faults.add('use_gvisor', `contradicts isolation ${isolation}`)
  }
  faults.throwIfAny()
  return { id: String(id), args: args as unknown[], isolation: gvisor === true ? 'gvisor' : isolation }
}

type ExecuteError = NonNullable<ExecuteView['error']>

export function executeView(requestId: string, result: Result): ExecuteView {
  const { outcome } = result
  if (outcome.kind === 'rejected') throw new HearthError('invalid_json', outcome.message)
  let output: unknown = null
  let error: ExecuteError | null = null
  if (outcome.kind === 'returned') {
    try {
      output = parseJson(outcome.payload)
    } catch {
      error = { type: 'Runtime.InvalidResponse', message: 'The answer is no JSON, or nested too deeply.', trace: [] }
    }
  } else if (outcome.kind === 'failed') {
    error = guestError(outcome.payload)
  } else {
    const { errorType, errorMessage } = failureOf(outcome, requestId)
    error = { type: errorType, message: errorMessage, trace: [] }
  }
  return {
    request_id: requestId,
    outcome: outcome.kind === 'returned' && error !== null ? 'error' : outcomeWord(outcome),
    output,
    error,
    stdout: printed(result.logs, 'stdout'),
    stderr: printed(result.logs, 'stderr'),
    isolation: result.isolation,
    start: result.start,
    duration_ms: Math.round(result.runMs * 1000) / 1000,
  }
}

/** The guest's error object: a stranger's, so any field may be missing or something else. */
function guestError(payload: Uint8Array): ExecuteError {
  let said: Record<string, unknown> = {}
  try {
    const parsed = parseJson(payload)
    if (typeof parsed === 'object' && parsed !== null) said = parsed as Record<string, unknown>
  } catch {
    // Not JSON: as good as nothing said.
  }
  // Python says `stackTrace`, Node says `trace`.
  const trace = [said.stackTrace, said.trace].find(Array.isArray) ?? []
  return {
    type: typeof said.errorType === 'string' ? said.errorType : 'Runtime.Unknown',
    message: typeof said.errorMessage === 'string' ? said.errorMessage : '',
    trace: trace.filter((line: unknown) => typeof line === 'string'),
  }
}

const printed = ({ lines }: CapturedLogs, stream: 'stdout' | 'stderr'): string =>
  lines
    .filter((line) => line.stream === stream)
    .map(({ text }) => (text.endsWith('\n') ? text : `${text}\n`))
    .join('')
