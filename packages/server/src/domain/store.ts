// The durable side, in domain verbs. Every method that changes something resolves only after it is on disk.
// A transaction never escapes a method.

import type { FunctionRecord } from './function.ts'
import type { InvocationRecord } from './invocation.ts'
import type { KeyRecord } from './key.ts'

export interface Store {
  readonly functions: FunctionStore
  readonly invocations: InvocationStore
  readonly keys: KeyStore
  readonly settings: SettingStore
  /** Opens, migrates and checks. Rejects with a clear message on a corrupt or newer database. */
  open(): Promise<void>
  close(): Promise<void>
}

export interface FunctionStore {
  /** Rejects with `name_taken` or `route_taken`. */
  insert(record: FunctionRecord): Promise<void>
  /** Replaces name, doors and latest version as one change; keeps older versions' rows. Rejects with `function_not_found`, `name_taken`, `route_taken`. */
  update(record: FunctionRecord): Promise<void>
  /** Rejects with `function_not_found`. Its invocations stay, by name. */
  remove(id: string): Promise<void>
  all(): Promise<FunctionRecord[]>
  /** SHA-256 of every code package that some function's latest version uses. */
  codeInUse(): Promise<Set<string>>
}

export interface InvocationStore {
  /** One transaction for the whole batch. */
  append(records: readonly InvocationRecord[]): Promise<void>
  find(requestId: string): Promise<InvocationRecord | null>
  /** Newest first, without logs; `before` is the request id that ended the page before. */
  list(query: InvocationQuery): Promise<InvocationRecord[]>
  /** Every kept invocation that was received at or after this moment, oldest first, in chunks, for rebuilding summaries. */
  scan(sinceMs: number, each: (records: readonly InvocationRecord[]) => void): Promise<void>
  /** Keeps the newest `keep` and nothing older than `sinceMs`. Returns how many went. */
  prune(limits: { keep: number; sinceMs: number }): Promise<number>
}

export interface InvocationQuery {
  readonly functionId?: string
  readonly outcome?: string
  readonly before?: string
  readonly limit: number
}

export interface KeyStore {
  insert(record: KeyRecord): Promise<void>
  /** Replaces the record with the same id, or inserts it. */
  put(record: KeyRecord): Promise<void>
  /** Rejects with `key_not_found`. */
  remove(id: string): Promise<void>
  all(): Promise<KeyRecord[]>
  touch(lastUsed: ReadonlyMap<string, number>): Promise<void>
}

/** Small durable facts about this installation. */
export interface SettingStore {
  get(name: string): Promise<string | null>
  put(name: string, value: string): Promise<void>
}
