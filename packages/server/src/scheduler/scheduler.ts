// Who runs what: finds or makes a pool for an invocation's version and walls, keeps generic sandboxes booted, freezes
// and retires what is idle, and holds the whole within the machine.

import type { Isolation } from '@hearth/protocol'
import type { ArtifactStore } from '../domain/artifacts.ts'
import type { Version } from '../domain/function.ts'
import { HearthError } from '../domain/hearth-error.ts'
import type { Invocation, Result } from '../domain/invocation.ts'
import type { Runtime, RuntimeCatalog } from '../domain/runtime.ts'
import type { SandboxDriver } from '../domain/sandbox.ts'
import { Capacity } from './capacity.ts'
import { GenericPool } from './generic-pool.ts'
import type { Locality } from './init-message.ts'
import type { Instance } from './instance.ts'
import type { Place, PlaceTools } from './place.ts'
import { chooseVictim, freezeAfterMs } from './policy.ts'
import { VersionPool } from './version-pool.ts'

export interface SchedulerSettings {
  readonly processors: number
  readonly sandboxesMax: number
  readonly memoryMbMax: number
  readonly instancesMax: number
  readonly queueLimit: number
  readonly queueWaitMaxMs: number
  readonly keepAliveMs: number
  readonly genericPoolSize: number
  readonly locality: Locality
}

/** What a version's pool needs from the whole. */
export interface PoolTools
  extends PlaceTools,
    Pick<SchedulerSettings, 'processors' | 'instancesMax' | 'queueLimit' | 'queueWaitMaxMs' | 'locality'> {
  newSandboxId(): string
  runtimeOf(version: Version): Runtime
  codeDirectory(version: Version): Promise<string>
  takeGeneric(version: Version, driver: SandboxDriver): Place | null
  /** Takes a share of the machine, making room if need be; false when there is none to be had. */
  reserve(memoryMb: number): boolean
  release(memoryMb: number): void
  onIdle(): void
  onFinished(invocation: Invocation, result: Result): void
}

/** How often keep-alive is looked at. */
const reapEveryMs = 1_000

export class Scheduler {
  readonly #drivers: ReadonlyMap<Isolation, SandboxDriver>
  readonly #settings: SchedulerSettings
  readonly #capacity: Capacity
  readonly #tools: PoolTools
  /** By version id, then by walls. */
  readonly #pools = new Map<string, Map<Isolation, VersionPool>>()
  readonly #generic = new Map<string, GenericPool>()
  readonly #reaper: NodeJS.Timeout
  #freezer: NodeJS.Timeout | null = null
  #closed = false

  constructor(
    dependencies: PlaceTools & {
      drivers: ReadonlyMap<Isolation, SandboxDriver>
      runtimes: RuntimeCatalog
      artifacts: ArtifactStore
      newSandboxId: () => string
      onFinished: (invocation: Invocation, result: Result) => void
    },
    settings: SchedulerSettings,
  ) {
    const { drivers, runtimes, artifacts, newSandboxId, onFinished, clock, lifecycle, log } = dependencies
    this.#drivers = drivers
    this.#settings = settings
    this.#capacity = new Capacity({ sandboxesMax: settings.sandboxesMax, memoryMbMax: settings.memoryMbMax })
    this.#tools = {
      ...settings,
      clock,
      lifecycle,
      log,
      newSandboxId,
      onFinished,
      runtimeOf: (version) => {
        const runtime = runtimes.find(version.config.runtime)
        if (runtime !== null) return runtime
        throw new HearthError('runtime_unavailable', `The runtime ${version.config.runtime} is not on this machine.`)
      },
      codeDirectory: (version) => artifacts.directory(version.config.code.sha256),
      takeGeneric: (version, driver) => this.#genericPool(driver, this.#tools.runtimeOf(version)).take(),
      reserve: (memoryMb) => this.#reserve(memoryMb),
      release: (memoryMb) => this.#capacity.release(memoryMb),
      onIdle: () => this.#onIdle(),
    }
    this.#reaper = setInterval(() => this.#reap(), reapEveryMs)
    this.#reaper.unref()
  }

  run(invocation: Invocation): Promise<Result> {
    if (this.#closed) return Promise.reject(new HearthError('draining', 'The server is shutting down.'))
    return this.#pool(invocation.version, invocation.isolation).run(invocation)
  }

  /** Keeps generic sandboxes booted for what is likely to be called next. */
  expect(isolation: Isolation, runtime: Runtime): void {
    const driver = this.#drivers.get(isolation)
    if (driver !== undefined && !this.#closed) this.#genericPool(driver, runtime).refill()
  }

  /** The version was replaced or removed. Calls that have been accepted are still served. */
  retire(versionId: string): void {
    for (const pool of this.#pools.get(versionId)?.values() ?? []) pool.retire()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#reaper)
    if (this.#freezer !== null) clearTimeout(this.#freezer)
    await Promise.all([...this.#allPools()].map((pool) => pool.close()))
    await Promise.all([...this.#generic.values()].map((pool) => pool.close()))
  }

  #pool(version: Version, isolation: Isolation): VersionPool {
    let byIsolation = this.#pools.get(version.id)
    if (byIsolation === undefined) {
      byIsolation = new Map()
      this.#pools.set(version.id, byIsolation)
    }
    let pool = byIsolation.get(isolation)
    if (pool === undefined) {
      const driver = this.#drivers.get(isolation)
      if (driver === undefined) throw new HearthError('isolation_unavailable', `No driver for ${isolation} here.`)
      pool = new VersionPool(version, driver, this.#tools)
      byIsolation.set(isolation, pool)
    }
    return pool
  }

  #genericPool(driver: SandboxDriver, runtime: Runtime): GenericPool {
    const name = `${driver.isolation} ${runtime.name}`
    let pool = this.#generic.get(name)
    if (pool === undefined) {
      const { newSandboxId, clock, lifecycle, log } = this.#tools
      pool = new GenericPool(driver, runtime, {
        size: this.#settings.genericPoolSize,
        newId: newSandboxId,
        capacity: this.#capacity,
        tools: { clock, lifecycle, log },
      })
      this.#generic.set(name, pool)
    }
    return pool
  }

  *#allPools(): Iterable<VersionPool> {
    for (const byIsolation of this.#pools.values()) yield* byIsolation.values()
  }

  #reserve(memoryMb: number): boolean {
    while (!this.#capacity.reserve(memoryMb)) {
      if (!this.#makeRoom()) return false
    }
    return true
  }

  /** Generic places go first: nobody's state is in them. */
  #makeRoom(): boolean {
    for (const generic of this.#generic.values()) if (generic.yieldOne()) return true
    const idle: { pool: VersionPool; instance: Instance; idleSinceMs: number }[] = []
    for (const pool of this.#allPools()) {
      const instance = pool.idle[0]
      if (instance !== undefined) idle.push({ pool, instance, idleSinceMs: instance.idleSinceMs })
    }
    const victim = chooseVictim(idle)
    if (victim === null) return false
    victim.pool.evict(victim.instance, 'made room')
    return true
  }

  // One timer for all that is idle: a busy function never touches it.

  #onIdle(): void {
    if (this.#freezer === null && !this.#closed) this.#freezer = setTimeout(this.#freezeIdle, freezeAfterMs)
  }

  readonly #freezeIdle = (): void => {
    this.#freezer = null
    const beforeMs = this.#tools.clock.nowMs() - freezeAfterMs
    let running = false
    let calls = 0
    for (const pool of this.#allPools()) {
      if (pool.freezeIdle(beforeMs)) running = true
      calls += pool.outstanding
    }
    // Calls have been answered and nothing waits: the moment to boot replacements for what they took.
    if (calls === 0 && !this.#closed) for (const generic of this.#generic.values()) generic.refill()
    if (running) this.#onIdle()
  }

  #reap(): void {
    const beforeMs = this.#tools.clock.nowMs() - this.#settings.keepAliveMs
    for (const [versionId, byIsolation] of this.#pools) {
      for (const [isolation, pool] of byIsolation) {
        for (const instance of [...pool.idle])
          if (instance.idleSinceMs < beforeMs) pool.evict(instance, 'idle too long')
        if (pool.empty) byIsolation.delete(isolation)
      }
      if (byIsolation.size === 0) this.#pools.delete(versionId)
    }
  }
}
