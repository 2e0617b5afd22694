// The tables as Kysely sees them. `FreeText` columns are written and read through `repositories/free-text.ts` only.

import type { FreeText } from './repositories/free-text.ts'

export interface Tables {
  functions: FunctionsTable
  versions: VersionsTable
  keys: KeysTable
  settings: SettingsTable
  invocations: InvocationsTable
  invocation_logs: InvocationLogsTable
}

export interface FunctionsTable {
  id: string
  name: string
  description: FreeText
  route: string | null
  access: string
  created_at_ms: number
  updated_at_ms: number
  latest_version_id: string
}

/** Rows are written once and never changed. */
export interface VersionsTable {
  id: string
  function_id: string
  number: number
  runtime: string
  language: string
  handler: FreeText
  timeout_seconds: number
  memory_mb: number
  /** JSON object. */
  env: string
  isolation: string
  network: string
  code_sha256: string
  code_bytes: number
  code_inline: FreeText | null
  created_at_ms: number
}

export interface KeysTable {
  id: string
  name: FreeText
  /** JSON array. */
  scopes: string
  digest: Uint8Array
  created_at_ms: number
  expires_at_ms: number | null
  last_used_at_ms: number | null
}

export interface SettingsTable {
  name: string
  value: FreeText
}

export interface InvocationsTable {
  /** Time-ordered: the order of the text is the order of time. */
  request_id: string
  function_id: string
  outcome: string
  received_at_ms: number
  /**
   * Everything else, as a JSON array in the order of `invocation-row.ts`. Records come by the ten thousand a second, and
   * most of what a row costs to write is the number of its columns.
   */
  facts: string
}

/** Only for invocations that printed something, apart from their row so that lists never read it. */
export interface InvocationLogsTable {
  request_id: string
  stored_bytes: number
  dropped_bytes: number
  lines: Uint8Array
}
