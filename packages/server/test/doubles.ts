// Small stand-ins for what the doors and the catalog need, each doing plainly what its port promises.

import { createHash } from 'node:crypto'
import { CALL_KIND } from '@hearth/protocol'
import type { ArtifactStore, StoredCode } from '../src/domain/artifacts.ts'
import type { Clock } from '../src/domain/clock.ts'
import type { FunctionRecord } from '../src/domain/function.ts'
import { HearthError } from '../src/domain/hearth-error.ts'
import { type CapturedLogs, type InvocationRecord, noLogs, type Result } from '../src/domain/invocation.ts'
import type { KeyRecord } from '../src/domain/key.ts'
import type { Outcome } from '../src/domain/outcome.ts'
import type { Runtime, RuntimeCatalog } from '../src/domain/runtime.ts'
import type { FunctionStore, InvocationStore, KeyStore } from '../src/domain/store.ts'
import type { Walls } from '../src/domain/walls.ts'
import type { InvokeRequest, Invoker } from '../src/invoke/invoker.ts'

/** Time that stands still until it is moved. */
export class StoppedClock implements Clock {
  ms = 1_700_000_000_000
  nowMs = (): number => this.ms
  wallMs = (): number => this.ms
}

const runtime = (name: string, language: Runtime['language'], aliases: readonly string[]): Runtime => ({
  name,
  language,
  languageVersion: name.replace(/[^\d.]/g, ''),
  aliases,
  interpreter: `/usr/bin/${language}`,
  prefixes: [],
  flags: [],
  programDir: '/opt/runtime',
  program: 'main',
})

export const runtimes: RuntimeCatalog = (() => {
  const all = [
    runtime('python3.11', 'python', ['python']),
    runtime('python3.12', 'python', []),
    runtime('nodejs20.x', 'javascript', ['javascript']),
  ]
  return {
    list: () => all,
    find: (name) => all.find((candidate) => candidate.name === name || candidate.aliases.includes(name)) ?? null,
  }
})()

/** A machine with `linux` walls and nothing else. */
export const linuxWalls: Walls = {
  automatic: 'linux',
  whyNot: (isolation) => (isolation === 'linux' ? null : `there is no ${isolation} here`),
  networks: (isolation) => (isolation === 'linux' ? ['none'] : []),
}

export class MapFunctionStore implements FunctionStore {
  readonly rows = new Map<string, FunctionRecord>()
  /** What the next write fails with, after the delay of a disk. */
  failure: Error | null = null

  async insert(record: FunctionRecord): Promise<void> {
    await this.#commit()
    this.rows.set(record.id, record)
  }

  async update(record: FunctionRecord): Promise<void> {
    await this.#commit()
    if (!this.rows.has(record.id)) throw new HearthError('function_not_found', 'gone')
    this.rows.set(record.id, record)
  }

  async remove(id: string): Promise<void> {
    await this.#commit()
    if (!this.rows.delete(id)) throw new HearthError('function_not_found', 'gone')
  }

  async all(): Promise<FunctionRecord[]> {
    return [...this.rows.values()]
  }

  async codeInUse(): Promise<Set<string>> {
    return new Set([...this.rows.values()].map(({ latest }) => latest.config.code.sha256))
  }

  async #commit(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    if (this.failure !== null) throw this.failure
  }
}

export class MapArtifacts implements ArtifactStore {
  readonly packages = new Map<string, Uint8Array>()

  async putZip(archive: Uint8Array): Promise<StoredCode> {
    if (archive[0] !== 0x50 || archive[1] !== 0x4b) throw new HearthError('invalid_package', 'This is no zip archive.')
    return this.#put(archive)
  }

  async putFile(name: string, text: string): Promise<StoredCode> {
    return this.#put(Buffer.from(`${name}\0${text}`))
  }

  async directory(sha256: string): Promise<string> {
    return `/code/${sha256}`
  }

  async sweep(inUse: ReadonlySet<string>): Promise<number> {
    const unused = [...this.packages.keys()].filter((sha256) => !inUse.has(sha256))
    for (const sha256 of unused) this.packages.delete(sha256)
    return unused.length
  }

  #put(bytes: Uint8Array): StoredCode {
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    this.packages.set(sha256, bytes)
    return { sha256, bytes: bytes.length }
  }
}

export class MapKeyStore implements KeyStore {
  readonly rows = new Map<string, KeyRecord>()

  async insert(record: KeyRecord): Promise<void> {
    this.rows.set(record.id, record)
  }

  async put(record: KeyRecord): Promise<void> {
    this.rows.set(record.id, record)
  }

  async remove(id: string): Promise<void> {
    if (!this.rows.delete(id)) throw new HearthError('key_not_found', 'gone')
  }

  async all(): Promise<KeyRecord[]> {
    return [...this.rows.values()]
  }

  async touch(lastUsed: ReadonlyMap<string, number>): Promise<void> {
    for (const [id, lastUsedAtMs] of lastUsed) {
      const record = this.rows.get(id)
      if (record !== undefined) this.rows.set(id, { ...record, lastUsedAtMs })
    }
  }
}

export class ListInvocationStore implements InvocationStore {
  readonly records: InvocationRecord[] = []

  async append(records: readonly InvocationRecord[]): Promise<void> {
    this.records.push(...records)
  }

  async find(requestId: string): Promise<InvocationRecord | null> {
    return this.records.find((record) => record.requestId === requestId) ?? null
  }

  async list(query: Parameters<InvocationStore['list']>[0]): Promise<InvocationRecord[]> {
    return this.records
      .filter(
        (record) =>
          (query.functionId === undefined || record.functionId === query.functionId) &&
          (query.outcome === undefined || record.outcome === query.outcome) &&
          (query.before === undefined || record.requestId < query.before),
      )
      .sort((one, other) => (one.requestId < other.requestId ? 1 : -1))
      .slice(0, query.limit)
  }

  async scan(sinceMs: number, each: (records: readonly InvocationRecord[]) => void): Promise<void> {
    each(this.records.filter(({ receivedAtMs }) => receivedAtMs >= sinceMs))
  }

  async prune(): Promise<number> {
    return 0
  }
}

/** Answers calls as told, and remembers them. */
export class ScriptedInvoker implements Invoker {
  readonly calls: InvokeRequest[] = []
  /** By default the body comes back as it is. */
  answer: (request: InvokeRequest) => Outcome | Promise<Outcome> = ({ body, kind }) =>
    kind === CALL_KIND.http
      ? { kind: 'returned', payload: body, http: { status: 200, headers: ['content-type', 'text/plain'], body } }
      : { kind: 'returned', payload: body, http: null }
  logs: CapturedLogs = noLogs

  async invoke(request: InvokeRequest): Promise<Result> {
    this.calls.push(request)
    return {
      outcome: await this.answer(request),
      isolation: request.isolation ?? 'linux',
      start: 'warm',
      sandboxId: 'sandbox-1',
      queueMs: 0.0214,
      initMs: 0,
      runMs: 1.25,
      memoryUsedBytes: null,
      cpuMs: null,
      logs: request.wantsLogs ? this.logs : noLogs,
    }
  }
}
