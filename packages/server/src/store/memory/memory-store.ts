// A store that forgets: for tests, and the plainest statement of what a store does.

import type { FunctionRecord } from '../../domain/function.ts'
import { HearthError } from '../../domain/hearth-error.ts'
import { type InvocationRecord, noLogs } from '../../domain/invocation.ts'
import type { KeyRecord } from '../../domain/key.ts'
import type {
  FunctionStore,
  InvocationQuery,
  InvocationStore,
  KeyStore,
  SettingStore,
  Store,
} from '../../domain/store.ts'

export class MemoryStore implements Store {
  readonly functions: FunctionStore = new MemoryFunctions()
  readonly invocations: InvocationStore = new MemoryInvocations()
  readonly keys: KeyStore = new MemoryKeys()
  readonly settings: SettingStore = new MemorySettings()

  async open(): Promise<void> {}
  async close(): Promise<void> {}
}

class MemoryFunctions implements FunctionStore {
  readonly #records = new Map<string, FunctionRecord>()

  async insert(record: FunctionRecord): Promise<void> {
    this.#refuseTaken(record)
    this.#records.set(record.id, record)
  }

  async update(record: FunctionRecord): Promise<void> {
    const known = this.#records.get(record.id)
    if (known === undefined) throw functionNotFound(record.id)
    this.#refuseTaken(record)
    this.#records.set(record.id, { ...record, createdAtMs: known.createdAtMs })
  }

  async remove(id: string): Promise<void> {
    if (!this.#records.delete(id)) throw functionNotFound(id)
  }

  async all(): Promise<FunctionRecord[]> {
    return [...this.#records.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  async codeInUse(): Promise<Set<string>> {
    return new Set([...this.#records.values()].map(({ latest }) => latest.config.code.sha256))
  }

  #refuseTaken({ id, name, route }: FunctionRecord): void {
    for (const other of this.#records.values()) {
      if (other.id === id) continue
      if (other.name === name) throw new HearthError('name_taken', `Another function has the name ${name}.`)
      if (route !== null && other.route === route)
        throw new HearthError('route_taken', `Another function has the route ${route}.`)
    }
  }
}

const functionNotFound = (id: string): HearthError =>
  new HearthError('function_not_found', `No function has the id ${id}.`)

class MemoryInvocations implements InvocationStore {
  readonly #records = new Map<string, InvocationRecord>()

  async append(records: readonly InvocationRecord[]): Promise<void> {
    for (const record of records) {
      if (!this.#records.has(record.requestId)) this.#records.set(record.requestId, record)
    }
  }

  async find(requestId: string): Promise<InvocationRecord | null> {
    return this.#records.get(requestId) ?? null
  }

  async list({ functionId, outcome, before, limit }: InvocationQuery): Promise<InvocationRecord[]> {
    return this.#oldestFirst()
      .reverse()
      .filter(
        (record) =>
          (functionId === undefined || record.functionId === functionId) &&
          (outcome === undefined || record.outcome === outcome) &&
          (before === undefined || record.requestId < before),
      )
      .slice(0, limit)
      .map((record) => ({ ...record, logs: noLogs }))
  }

  async scan(sinceMs: number, each: (records: readonly InvocationRecord[]) => void): Promise<void> {
    const records = this.#oldestFirst()
      .filter(({ receivedAtMs }) => receivedAtMs >= sinceMs)
      .map((record) => ({ ...record, logs: noLogs }))
    if (records.length > 0) each(records)
  }

  async prune({ keep, sinceMs }: { keep: number; sinceMs: number }): Promise<number> {
    const all = this.#oldestFirst()
    const doomed = all.filter((record, index) => index < all.length - keep || record.receivedAtMs < sinceMs)
    for (const { requestId } of doomed) this.#records.delete(requestId)
    return doomed.length
  }

  #oldestFirst(): InvocationRecord[] {
    return [...this.#records.values()].sort((a, b) => (a.requestId < b.requestId ? -1 : 1))
  }
}

class MemoryKeys implements KeyStore {
  readonly #records = new Map<string, KeyRecord>()

  async insert(record: KeyRecord): Promise<void> {
    if (this.#records.has(record.id)) throw new Error(`another key has the id ${record.id}`)
    this.#records.set(record.id, record)
  }

  async put(record: KeyRecord): Promise<void> {
    this.#records.set(record.id, record)
  }

  async remove(id: string): Promise<void> {
    if (!this.#records.delete(id)) throw new HearthError('key_not_found', `No key has the id ${id}.`)
  }

  async all(): Promise<KeyRecord[]> {
    return [...this.#records.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  async touch(lastUsed: ReadonlyMap<string, number>): Promise<void> {
    for (const [id, lastUsedAtMs] of lastUsed) {
      const known = this.#records.get(id)
      if (known !== undefined) this.#records.set(id, { ...known, lastUsedAtMs })
    }
  }
}

class MemorySettings implements SettingStore {
  readonly #values = new Map<string, string>()

  async get(name: string): Promise<string | null> {
    return this.#values.get(name) ?? null
  }

  async put(name: string, value: string): Promise<void> {
    this.#values.set(name, value)
  }
}
