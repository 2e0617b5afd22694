// Generic sandboxes of one driver and runtime: booted, ready by handshake, frozen, bound to no version yet. Taking one
// turns a cold start into loading the handler. One that dies in the pool is replaced; one that is taken never returns.

import type { Log } from '../domain/log.ts'
import type { Runtime } from '../domain/runtime.ts'
import type { SandboxDriver } from '../domain/sandbox.ts'
import type { Capacity } from './capacity.ts'
import { Place, type PlaceTools } from './place.ts'
import { genericLimits, startBackoffMs } from './policy.ts'

export class GenericPool {
  readonly #driver: SandboxDriver
  readonly #runtime: Runtime
  readonly #size: number
  readonly #newId: () => string
  readonly #capacity: Capacity
  readonly #tools: PlaceTools & { readonly log: Log }
  readonly #ready: Place[] = []
  #booting = 0
  #failures = 0
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(
    driver: SandboxDriver,
    runtime: Runtime,
    options: { size: number; newId: () => string; capacity: Capacity; tools: PlaceTools },
  ) {
    this.#driver = driver
    this.#runtime = runtime
    this.#size = driver.capabilities.injectsLate ? options.size : 0
    this.#newId = options.newId
    this.#capacity = options.capacity
    this.#tools = options.tools
  }

  get ready(): number {
    return this.#ready.length
  }

  /**
   * A ready place, now the caller's, or null. Its share of the machine goes back first: the caller has its own.
   * The pool does not refill itself here, where a call is waiting: see `refill`.
   */
  take(): Place | null {
    const place = this.#ready.pop()
    if (place === undefined) return null
    this.#capacity.release(genericLimits.memoryMb)
    place.onEnded = () => {}
    place.thaw()
    return place
  }

  /** Brings the pool to its size in the background. Called when the calls that made demand have been answered. */
  refill(): void {
    while (!this.#closed && this.#timer === null && this.#ready.length + this.#booting < this.#size) {
      if (!this.#capacity.reserve(genericLimits.memoryMb)) return
      this.#booting += 1
      void this.#bootOne()
    }
  }

  /** Gives up one place for somebody who needs its memory. */
  yieldOne(): boolean {
    const place = this.#ready.shift()
    if (place === undefined) return false
    this.#discard(place, 'made room')
    return true
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    const places = this.#ready.splice(0)
    await Promise.all(places.map((place) => this.#discard(place, 'shutting down')))
  }

  async #bootOne(): Promise<void> {
    try {
      const place = await Place.boot(
        this.#driver,
        { id: this.#newId(), runtime: this.#runtime, limits: genericLimits, network: 'none', codeDir: null },
        this.#tools,
      )
      this.#booting -= 1
      this.#failures = 0
      if (this.#closed) return void this.#discard(place, 'shutting down')
      place.onEnded = () => this.#onDeath(place)
      this.#ready.push(place)
      place.freeze()
    } catch (fault) {
      this.#booting -= 1
      this.#capacity.release(genericLimits.memoryMb)
      // Cut short by the shutdown itself: no failure.
      if (this.#closed) return
      this.#failures += 1
      this.#tools.log.warn({ err: fault, runtime: this.#runtime.name }, 'a generic sandbox did not come up')
      this.#refillLater()
    }
  }

  #discard(place: Place, why: string): Promise<void> {
    this.#capacity.release(genericLimits.memoryMb)
    place.onEnded = () => {}
    return place.destroy(why)
  }

  #onDeath(place: Place): void {
    const at = this.#ready.indexOf(place)
    if (at < 0) return
    this.#ready.splice(at, 1)
    this.#capacity.release(genericLimits.memoryMb)
    this.#failures += 1
    this.#refillLater()
  }

  /** Creation that keeps failing is tried ever more rarely. */
  #refillLater(): void {
    if (this.#closed || this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.refill()
    }, startBackoffMs(this.#failures))
    this.#timer.unref()
  }
}
