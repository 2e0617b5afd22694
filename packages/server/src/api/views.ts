// What clients see of functions, invocations and keys.

import type { FunctionView, InvocationView, InvocationWithLogs, KeyView } from '@hearth/protocol'
import type { FunctionRecord } from '../domain/function.ts'
import type { InvocationRecord } from '../domain/invocation.ts'
import type { KeyRecord } from '../domain/key.ts'

const iso = (wallMs: number): string => new Date(wallMs).toISOString()

const hidden = '********'

/** `showsEnv`: values may be secrets, and reading is less than managing. Inline code is shown of one function at a time. */
export function functionView(
  record: FunctionRecord,
  functionsUrl: string,
  { showsEnv, showsCode }: { showsEnv: boolean; showsCode: boolean },
): FunctionView {
  const { latest, route } = record
  const { code, env, ...config } = latest.config
  return {
    id: record.id,
    name: record.name,
    description: record.description,
    language: config.language,
    runtime: config.runtime,
    handler: config.handler,
    timeout: config.timeoutSeconds,
    memory: config.memoryMb,
    env: showsEnv ? { ...env } : Object.fromEntries(Object.keys(env).map((name) => [name, hidden])),
    route,
    access: record.access,
    isolation: config.isolation,
    network: config.network,
    version: latest.number,
    code_sha256: code.sha256,
    code_bytes: code.bytes,
    ...(showsCode && code.inline !== null ? { code: code.inline } : {}),
    url: route === null ? null : functionsUrl + route,
    created_at: iso(record.createdAtMs),
    updated_at: iso(record.updatedAtMs),
  }
}

export const invocationView = (record: InvocationRecord): InvocationView => ({
  id: record.requestId,
  function_id: record.functionId,
  function_name: record.functionName,
  version: record.versionNumber,
  trigger: record.trigger,
  outcome: record.outcome,
  error_type: record.errorType,
  error_message: record.errorMessage,
  runtime: record.runtime,
  language: record.language,
  isolation: record.isolation,
  start: record.start,
  sandbox_id: record.sandboxId,
  received_at: iso(record.receivedAtMs),
  queue_ms: rounded(record.queueMs),
  init_ms: rounded(record.initMs),
  run_ms: rounded(record.runMs),
  total_ms: rounded(record.totalMs),
  billed_ms: record.billedMs,
  memory_mb: record.memoryMb,
  memory_used_bytes: record.memoryUsedBytes,
  cpu_ms: record.cpuMs === null ? null : rounded(record.cpuMs),
  event_bytes: record.eventBytes,
  answer_bytes: record.answerBytes,
})

export const invocationWithLogs = (record: InvocationRecord): InvocationWithLogs => ({
  ...invocationView(record),
  logs: record.logs.lines.map(({ wallMs, stream, text }) => ({ time: iso(wallMs), stream, text })),
  logs_dropped_bytes: record.logs.droppedBytes,
})

export const keyView = (record: KeyRecord): KeyView => ({
  id: record.id,
  name: record.name,
  scopes: [...record.scopes],
  created_at: iso(record.createdAtMs),
  expires_at: record.expiresAtMs === null ? null : iso(record.expiresAtMs),
  last_used_at: record.lastUsedAtMs === null ? null : iso(record.lastUsedAtMs),
})

/** To the microsecond: what lies below is noise. */
const rounded = (ms: number): number => Math.round(ms * 1000) / 1000
