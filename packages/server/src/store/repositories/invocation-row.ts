// An invocation record as a row and back. Whatever a record holds becomes a row that can be stored: one odd figure must
// not keep a whole batch of records out of the database.

import type { OutcomeWord } from '@hearth/protocol'
import type { Insertable, Selectable } from 'kysely'
import { type CapturedLogs, type InvocationRecord, noLogs } from '../../domain/invocation.ts'
import type { InvocationLogsTable, InvocationsTable } from '../tables.ts'

/** What `facts` holds, in this order. New facts go to the end: older rows end before them. */
const FACTS = [
  'functionName',
  'versionNumber',
  'trigger',
  'runtime',
  'language',
  'isolation',
  'start',
  'sandboxId',
  'errorType',
  'errorMessage',
  'queueMs',
  'initMs',
  'runMs',
  'totalMs',
  'billedMs',
  'memoryMb',
  'memoryUsedBytes',
  'cpuMs',
  'eventBytes',
  'answerBytes',
] as const satisfies readonly (keyof InvocationRecord)[]

export const invocationRow = (record: InvocationRecord): Insertable<InvocationsTable> => ({
  request_id: record.requestId,
  function_id: record.functionId,
  outcome: record.outcome,
  received_at_ms: Math.round(finite(record.receivedAtMs)),
  facts: JSON.stringify(FACTS.map((name) => storable(record[name]))),
})

const finite = (value: number): number => (Number.isFinite(value) ? value : 0)
/** Milliseconds to the microsecond: what lies below is noise that takes room. */
const storable = (value: string | number | null): string | number | null =>
  typeof value === 'number' ? Math.round(finite(value) * 1000) / 1000 : value

export function recordOf(row: Selectable<InvocationsTable>, logs: CapturedLogs): InvocationRecord {
  const values = JSON.parse(row.facts) as unknown[]
  const facts = Object.fromEntries(FACTS.map((name, index) => [name, values[index] ?? null]))
  return {
    ...(facts as Pick<InvocationRecord, (typeof FACTS)[number]>),
    requestId: row.request_id,
    functionId: row.function_id,
    outcome: row.outcome as OutcomeWord,
    receivedAtMs: row.received_at_ms,
    logs,
  }
}

/** Null when nothing was printed: most calls have no row here. */
export function logsRow({ requestId, logs }: InvocationRecord): Insertable<InvocationLogsTable> | null {
  if (logs.lines.length === 0 && logs.droppedBytes === 0) return null
  const lines = encoder.encode(JSON.stringify(logs.lines.map(({ wallMs, stream, text }) => [wallMs, stream, text])))
  return {
    request_id: requestId,
    stored_bytes: lines.byteLength,
    dropped_bytes: Math.round(finite(logs.droppedBytes)),
    lines,
  }
}

export function logsOf(row: Selectable<InvocationLogsTable> | undefined): CapturedLogs {
  if (row === undefined) return noLogs
  const lines = JSON.parse(decoder.decode(row.lines)) as [number, 'stdout' | 'stderr', string][]
  return {
    lines: lines.map(([wallMs, stream, text]) => ({ wallMs, stream, text })),
    droppedBytes: row.dropped_bytes,
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
