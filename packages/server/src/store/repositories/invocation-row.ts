// An invocation record as a row and back. Whatever a record holds becomes a row that can be stored: one odd figure must
// not keep a whole batch of records out of the database.

import type { Isolation, Language, OutcomeWord, StartWord } from '@hearth/protocol'
import type { Insertable, Selectable } from 'kysely'
import { type CapturedLogs, type InvocationRecord, noLogs, type Trigger } from '../../domain/invocation.ts'
import type { InvocationLogsTable, InvocationsTable } from '../tables.ts'
import { fromFreeTextOrNull, toFreeTextOrNull } from './free-text.ts'

export const invocationRow = (record: InvocationRecord): Insertable<InvocationsTable> => ({
  request_id: record.requestId,
  function_id: record.functionId,
  function_name: record.functionName,
  version_number: record.versionNumber,
  trigger: record.trigger,
  runtime: record.runtime,
  language: record.language,
  isolation: record.isolation,
  start: record.start,
  sandbox_id: record.sandboxId,
  outcome: record.outcome,
  error_type: toFreeTextOrNull(record.errorType),
  error_message: toFreeTextOrNull(record.errorMessage),
  received_at_ms: whole(record.receivedAtMs),
  queue_ms: finite(record.queueMs),
  init_ms: finite(record.initMs),
  run_ms: finite(record.runMs),
  total_ms: finite(record.totalMs),
  billed_ms: finite(record.billedMs),
  memory_mb: whole(record.memoryMb),
  memory_used_bytes: record.memoryUsedBytes === null ? null : whole(record.memoryUsedBytes),
  cpu_ms: record.cpuMs === null ? null : finite(record.cpuMs),
  event_bytes: whole(record.eventBytes),
  answer_bytes: whole(record.answerBytes),
})

const finite = (value: number): number => (Number.isFinite(value) ? value : 0)
const whole = (value: number): number => Math.round(finite(value))

export const recordOf = (row: Selectable<InvocationsTable>, logs: CapturedLogs): InvocationRecord => ({
  requestId: row.request_id,
  functionId: row.function_id,
  functionName: row.function_name,
  versionNumber: row.version_number,
  trigger: row.trigger as Trigger,
  runtime: row.runtime,
  language: row.language as Language,
  isolation: row.isolation as Isolation,
  start: row.start as StartWord,
  sandboxId: row.sandbox_id,
  outcome: row.outcome as OutcomeWord,
  errorType: fromFreeTextOrNull(row.error_type),
  errorMessage: fromFreeTextOrNull(row.error_message),
  receivedAtMs: row.received_at_ms,
  queueMs: row.queue_ms,
  initMs: row.init_ms,
  runMs: row.run_ms,
  totalMs: row.total_ms,
  billedMs: row.billed_ms,
  memoryMb: row.memory_mb,
  memoryUsedBytes: row.memory_used_bytes,
  cpuMs: row.cpu_ms,
  eventBytes: row.event_bytes,
  answerBytes: row.answer_bytes,
  logs,
})

/** Null when nothing was printed: most calls have no row here. */
export function logsRow({ requestId, logs }: InvocationRecord): Insertable<InvocationLogsTable> | null {
  if (logs.lines.length === 0 && logs.droppedBytes === 0) return null
  const lines = encoder.encode(JSON.stringify(logs.lines.map(({ wallMs, stream, text }) => [wallMs, stream, text])))
  return { request_id: requestId, stored_bytes: lines.byteLength, dropped_bytes: whole(logs.droppedBytes), lines }
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
