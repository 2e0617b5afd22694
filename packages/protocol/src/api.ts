// Bodies of the native API, as clients see them.

import type { Access, Isolation, Language, Network, OutcomeWord, Scope, StartWord } from './words.ts'

export interface FunctionInput {
  name: string
  description?: string
  language?: Language
  runtime?: string
  code?: string
  /** base64 of a zip archive */
  zip?: string
  handler?: string
  /** Inline code only: name of the function to call. */
  function_name?: string
  timeout?: number
  memory?: number
  env?: Record<string, string>
  route?: string | null
  access?: Access
  isolation?: Isolation | 'auto'
  network?: Network
}

export interface FunctionView {
  id: string
  name: string
  description: string
  language: Language
  runtime: string
  handler: string
  timeout: number
  memory: number
  env: Record<string, string>
  route: string | null
  access: Access
  isolation: Isolation | 'auto'
  network: Network
  version: number
  code_sha256: string
  code_bytes: number
  /** Present for inline code on `GET /functions/{id}`. */
  code?: string
  url: string | null
  created_at: string
  updated_at: string
}

export interface Page<T> {
  items: T[]
  next: string | null
}

export interface ExecuteInput {
  id: string
  args?: unknown[]
  isolation?: Isolation
  use_gvisor?: boolean
}

export interface ExecuteView {
  request_id: string
  outcome: OutcomeWord
  output: unknown
  error: { type: string; message: string; trace: string[] } | null
  stdout: string
  stderr: string
  isolation: Isolation
  start: StartWord
  duration_ms: number
}

export interface InvocationView {
  id: string
  function_id: string
  function_name: string
  version: number
  trigger: 'invoke' | 'route' | 'execute'
  outcome: OutcomeWord
  error_type: string | null
  error_message: string | null
  runtime: string
  language: Language
  isolation: Isolation
  start: StartWord
  sandbox_id: string
  received_at: string
  queue_ms: number
  init_ms: number
  run_ms: number
  total_ms: number
  billed_ms: number
  memory_mb: number
  memory_used_bytes: number | null
  cpu_ms: number | null
  event_bytes: number
  answer_bytes: number
}

export interface LogLine {
  time: string
  stream: 'stdout' | 'stderr'
  text: string
}

export interface InvocationWithLogs extends InvocationView {
  logs: LogLine[]
  /** Bytes the function printed beyond what is kept. */
  logs_dropped_bytes: number
}

export interface MetricsRow {
  count: number
  errors: number
  timeouts: number
  crashes: number
  ooms: number
  throttles: number
  error_rate: number
  cold_starts: number
  pool_starts: number
  cold_share: number
  average_ms: number
  p50_ms: number
  p95_ms: number
  p99_ms: number
}

export interface MetricsSummary {
  since: string
  total: MetricsRow
  functions: (MetricsRow & { function_id: string; function_name: string })[]
  languages: (MetricsRow & { language: Language })[]
  isolations: (MetricsRow & { isolation: Isolation })[]
}

export interface KeyInput {
  name: string
  scopes: Scope[]
  expires_in_seconds?: number
}

export interface KeyView {
  id: string
  name: string
  scopes: Scope[]
  created_at: string
  expires_at: string | null
  last_used_at: string | null
  /** Only in the answer that creates it. */
  key?: string
}

export interface DriverView {
  isolation: Isolation
  available: boolean
  /** Why it cannot be used here, in words a user can act on. */
  reason: string | null
  rootless: boolean
  limits: Record<'memory' | 'cpu' | 'processes' | 'disk', string>
  freeze: string
  networks: Network[]
  notes: string[]
  probe_ms: number | null
}

export interface RuntimeView {
  name: string
  language: Language
  version: string
  aliases: string[]
  interpreter: string
}
