// What functions there are. Kept whole in memory, so that a call finds its version and route without waiting; changed
// only after the store has made the change durable, so that what memory shows is never lost.

import type { ArtifactStore } from '../domain/artifacts.ts'
import type { Clock } from '../domain/clock.ts'
import type { CodeRef, FunctionConfig, FunctionRecord, Version } from '../domain/function.ts'
import { HearthError } from '../domain/hearth-error.ts'
import type { RuntimeCatalog } from '../domain/runtime.ts'
import type { FunctionStore } from '../domain/store.ts'
import type { Walls } from '../domain/walls.ts'
import { Turnstile } from '../lib/turnstile.ts'
import { CodeShelf } from './code-shelf.ts'
import { type FunctionDraft, readFunctionDraft } from './function-draft.ts'
import { type Listing, listAfter } from './listing.ts'
import { type RoutePattern, readRoute } from './route-pattern.ts'
import { type RouteMatch, RouteTable } from './route-table.ts'

export interface FunctionCatalogParts {
  readonly store: FunctionStore
  readonly artifacts: ArtifactStore
  readonly runtimes: RuntimeCatalog
  readonly walls: Walls
  readonly clock: Clock
  /** Time-ordered and unique for ever. */
  readonly nextId: () => string
  /** Told the id of a version that no new call will run: it was replaced, or its function removed. */
  readonly onRetired?: (versionId: string) => void
  /** Told the version that calls will run from now on. */
  readonly onLive?: (version: Version) => void
}

export class FunctionCatalog {
  readonly #parts: FunctionCatalogParts
  readonly #code: CodeShelf
  readonly #byId = new Map<string, FunctionRecord>()
  readonly #byName = new Map<string, FunctionRecord>()
  readonly #routes = new RouteTable<FunctionRecord>()
  /** Id of the function behind each route, by the route's key. */
  readonly #routeOwners = new Map<string, string>()
  readonly #writes = new Turnstile()

  constructor(parts: FunctionCatalogParts) {
    this.#parts = parts
    this.#code = new CodeShelf(parts.artifacts)
  }

  /** Before anything else. */
  async load(): Promise<void> {
    for (const record of await this.#parts.store.all()) this.#remember(record)
  }

  byIdOrName(idOrName: string): FunctionRecord | null {
    return this.#byId.get(idOrName) ?? this.#byName.get(idOrName) ?? null
  }

  /** `path` as it came in the request, without the query. */
  matchRoute(path: string): RouteMatch<FunctionRecord> | null {
    return this.#routes.match(path)
  }

  /** In the order they were made; a page is not disturbed by functions that come and go meanwhile. */
  list(limit: number, cursor: string | null): Listing<FunctionRecord> {
    return listAfter(this.#byId.values(), limit, cursor)
  }

  all(): Iterable<FunctionRecord> {
    return this.#byId.values()
  }

  get size(): number {
    return this.#byId.size
  }

  /** `zip` is an archive that came as the request's whole body. */
  async create(input: unknown, zip: Uint8Array | null = null): Promise<FunctionRecord> {
    const draft = readFunctionDraft(input, null, this.#parts.runtimes, zip)
    const id = this.#parts.nextId()
    this.#checkWalls(draft, null)
    // Before the package is unpacked, so that a clear conflict costs nothing; again before the commit.
    this.#checkFree(id, draft)
    return await this.#code.store(draft, null, async (code) => {
      return await this.#commit(id, draft, async () => {
        const nowMs = this.#parts.clock.wallMs()
        const record = this.#record(id, draft, this.#version(id, 1, draft, code), nowMs, nowMs)
        await this.#parts.store.insert(record)
        return record
      })
    })
  }

  /** Changes what is given. A change of code or configuration makes a new version. */
  async update(idOrName: string, input: unknown, zip: Uint8Array | null = null): Promise<FunctionRecord> {
    const { id } = this.#known(idOrName)
    return await this.#writes.pass(id, async () => {
      const current = this.#known(id)
      const draft = readFunctionDraft(input, current, this.#parts.runtimes, zip)
      this.#checkWalls(draft, current.latest.config)
      this.#checkFree(id, draft)
      return await this.#code.store(draft, current.latest.config.code, async (code) => {
        const latest = sameConfig(current.latest.config, { ...draft.config, code })
          ? renamed(current.latest, draft.name)
          : this.#version(id, current.latest.number + 1, draft, code)
        if (latest === current.latest && sameDoors(current, draft)) return current
        return await this.#commit(id, draft, async () => {
          const record = this.#record(id, draft, latest, current.createdAtMs, this.#parts.clock.wallMs())
          await this.#parts.store.update(record)
          return record
        })
      })
    })
  }

  async remove(idOrName: string): Promise<FunctionRecord> {
    const { id } = this.#known(idOrName)
    return await this.#writes.pass(id, async () => {
      const record = this.#known(id)
      await this.#parts.store.remove(id)
      this.#forget(record)
      this.#parts.onRetired?.(record.latest.id)
      return record
    })
  }

  /** Removes code that neither a function nor, by `alsoInUse`, an older version still at work needs. */
  async sweepCode(alsoInUse: Iterable<string> = []): Promise<number> {
    return await this.#code.sweep(
      () => new Set([...alsoInUse, ...[...this.#byId.values()].map((record) => record.latest.config.code.sha256)]),
    )
  }

  #known(idOrName: string): FunctionRecord {
    const record = this.byIdOrName(idOrName)
    if (record === null) throw functionNotFound(idOrName)
    return record
  }

  /** One at a time for all functions, because names and routes are common property. */
  async #commit(id: string, draft: FunctionDraft, write: () => Promise<FunctionRecord>): Promise<FunctionRecord> {
    return await this.#writes.pass('names and routes', async () => {
      this.#checkFree(id, draft)
      const record = await write()
      const before = this.#byId.get(id)
      if (before !== undefined) this.#forget(before)
      this.#remember(record)
      if (before !== undefined && before.latest.id !== record.latest.id) this.#parts.onRetired?.(before.latest.id)
      this.#parts.onLive?.(record.latest)
      return record
    })
  }

  #checkFree(id: string, draft: FunctionDraft): void {
    const holder = this.#byName.get(draft.name)
    if (holder !== undefined && holder.id !== id) {
      throw new HearthError('name_taken', `There is a function named ${draft.name} already.`)
    }
    if (draft.route === null) return
    const owner = this.#byId.get(this.#routeOwners.get(draft.route.key) ?? '')
    if (owner !== undefined && owner.id !== id) {
      throw new HearthError(
        'route_taken',
        `The function ${owner.name} has the route ${owner.route}, which matches the same paths.`,
      )
    }
  }

  /** Refused at deploy rather than at each call. `auto` takes what there is. */
  #checkWalls({ config }: FunctionDraft, before: FunctionConfig | null): void {
    if (config.isolation === before?.isolation && config.network === before?.network) return
    const { walls } = this.#parts
    const isolation = config.isolation === 'auto' ? walls.automatic : config.isolation
    if (isolation === null) return
    const whyNot = walls.whyNot(isolation)
    if (whyNot !== null && config.isolation !== 'auto') {
      throw new HearthError('isolation_unavailable', `${isolation} cannot be had here: ${whyNot}`)
    }
    if (whyNot === null && !walls.networks(isolation).includes(config.network)) {
      throw new HearthError(
        'isolation_unavailable',
        `${isolation} cannot give a function network \`${config.network}\` here.`,
      )
    }
  }

  #version(functionId: string, number: number, draft: FunctionDraft, code: CodeRef): Version {
    return {
      id: this.#parts.nextId(),
      functionId,
      functionName: draft.name,
      number,
      config: { ...draft.config, code },
      createdAtMs: this.#parts.clock.wallMs(),
    }
  }

  #record(id: string, draft: FunctionDraft, latest: Version, createdAtMs: number, updatedAtMs: number): FunctionRecord {
    const { name, description, access } = draft
    return { id, name, description, route: draft.route?.text ?? null, access, createdAtMs, updatedAtMs, latest }
  }

  #remember(record: FunctionRecord): void {
    this.#byId.set(record.id, record)
    this.#byName.set(record.name, record)
    const pattern = patternOf(record)
    if (pattern === null) return
    this.#routes.set(pattern, record)
    this.#routeOwners.set(pattern.key, record.id)
  }

  #forget(record: FunctionRecord): void {
    this.#byId.delete(record.id)
    this.#byName.delete(record.name)
    const pattern = patternOf(record)
    if (pattern === null) return
    this.#routes.delete(pattern)
    this.#routeOwners.delete(pattern.key)
  }
}

export const functionNotFound = (idOrName: string): HearthError =>
  new HearthError('function_not_found', `There is no function with the id or name ${idOrName.slice(0, 80)}.`)

function patternOf(record: FunctionRecord): RoutePattern | null {
  if (record.route === null) return null
  const reading = readRoute(record.route)
  return 'fault' in reading ? null : reading
}

const sameDoors = (record: FunctionRecord, draft: FunctionDraft): boolean =>
  record.name === draft.name &&
  record.description === draft.description &&
  record.route === (draft.route?.text ?? null) &&
  record.access === draft.access

/** The same version under the function's new name: its instances go on. */
const renamed = (version: Version, functionName: string): Version =>
  version.functionName === functionName ? version : { ...version, functionName }

function sameConfig(one: FunctionConfig, other: FunctionConfig): boolean {
  return canonical(one) === canonical(other)
}

const canonical = ({ env, code, ...rest }: FunctionConfig): string =>
  JSON.stringify([Object.entries(rest).sort(), Object.entries(env).sort(), code.sha256, code.inline])
