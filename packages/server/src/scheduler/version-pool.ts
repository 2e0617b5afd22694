// Everything that can run one version behind one kind of walls: the instances, the calls that wait for one, and the
// starts under way. Which instance, how many, how deep: policy.ts decides; this file does it.
//
// A call is in exactly one place at a time: waiting here, or in one instance's session. It moves back only when the
// session says the guest never began it.

import { LIMITS } from '@hearth/protocol'
import type { Version } from '../domain/function.ts'
import { HearthError } from '../domain/hearth-error.ts'
import { type Invocation, noLogs, type Result } from '../domain/invocation.ts'
import { isReusable, type Outcome } from '../domain/outcome.ts'
import type { SandboxDriver, SandboxLimits } from '../domain/sandbox.ts'
import type { CallEnd } from '../session/session.ts'
import { Fifo } from './fifo.ts'
import { initMessage } from './init-message.ts'
import { Instance } from './instance.ts'
import { Place } from './place.ts'
import {
  bootLimits,
  busyMax,
  demandCheckMs,
  instancesToStart,
  learn,
  limitsOf,
  promptMs,
  queueDepth,
  type Service,
  slowEvidenceMs,
  startBackoffMs,
} from './policy.ts'
import type { PoolTools } from './scheduler.ts'
import { Ticket, type TicketOwner, unrunResult } from './ticket.ts'

/** Why calls of this version cannot run for the moment: its last start failed, and the next try is not due. */
interface StartFailure {
  readonly cause: { readonly outcome: Outcome; readonly sandboxId: string; readonly initMs: number } | HearthError
  readonly inARow: number
  readonly retryAtMs: number
}

/** Bodies of calls that wait may take this much together. */
const waitingBytesMax = 64 * 1024 * 1024

/**
 * POLICY: an instance that dies in front of its very first call died of that call or of nothing better known: the second
 * such death is the call's answer. One that has served others died of them; such a call moves on, within reason.
 */
const deathsBeforeStartMax = 1
const movesMax = 10

export class VersionPool implements TicketOwner {
  readonly version: Version
  readonly #driver: SandboxDriver
  readonly #tools: PoolTools
  readonly #limits: SandboxLimits
  readonly #idle: Instance[] = []
  readonly #busy = new Set<Instance>()
  /** Weighed by what its calls' bodies take. */
  readonly #waiting = new Fifo<Ticket>(({ body }) => body.length)
  #starting = 0
  /** Where the last call went: a fast function's next call goes there too while there is room. */
  #hot: Instance | null = null
  #service: Service | null = null
  #failure: StartFailure | null = null
  #timer: NodeJS.Timeout | null = null
  #retired = false
  #closed = false
  readonly #starts = new Set<Promise<void>>()

  constructor(version: Version, driver: SandboxDriver, tools: PoolTools) {
    this.version = version
    this.#driver = driver
    this.#tools = tools
    this.#limits = limitsOf(version.config)
  }

  get idle(): readonly Instance[] {
    return this.#idle
  }

  get outstanding(): number {
    let calls = this.#waiting.length
    for (const instance of this.#busy) calls += instance.outstanding
    return calls
  }

  /** Nothing lives here and nothing is wanted: the pool itself may go. */
  get empty(): boolean {
    return (
      this.#idle.length === 0 &&
      this.#busy.size === 0 &&
      this.#starting === 0 &&
      this.#waiting.length === 0 &&
      (this.#failure === null || this.#failure.retryAtMs < this.#tools.clock.nowMs())
    )
  }

  run(invocation: Invocation): Promise<Result> {
    return new Promise((resolve, reject) => {
      const { onFinished } = this.#tools
      const settler = { resolve, reject, onFinished: (result: Result) => onFinished(invocation, result) }
      this.#place(new Ticket(invocation, this, settler, this.#tools.clock.nowMs()))
    })
  }

  /** No new calls will come: idle instances go now, the others when they have finished. */
  retire(): void {
    this.#retired = true
    for (const instance of [...this.#idle]) this.#remove(instance, 'the version was replaced')
  }

  evict(instance: Instance, why: string): void {
    this.#remove(instance, why)
  }

  /** Freezes what has been idle since before `beforeMs`. Says whether anything idle is still running. */
  freezeIdle(beforeMs: number): boolean {
    let running = false
    for (const { place, idleSinceMs } of this.#idle) {
      if (place.frozen) continue
      if (idleSinceMs <= beforeMs) place.freeze()
      else running = true
    }
    return running
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#retired = true
    this.#closed = true
    const draining = new HearthError('draining', 'The server is shutting down.')
    for (let ticket = this.#waiting.shift(); ticket !== undefined; ticket = this.#waiting.shift()) {
      ticket.unwatchCaller()
      ticket.reject(draining)
    }
    await Promise.all([...this.#idle, ...this.#busy].map((instance) => instance.place.destroy('shutting down')))
    await Promise.all(this.#starts)
  }

  onCallEnd(ticket: Ticket, end: CallEnd): void {
    const instance = ticket.instance as Instance
    ticket.instance = null
    if (end.kind === 'not-started') {
      this.#onNotStarted(ticket, end.next, end.outcome, instance)
      return
    }
    const { clock } = this.#tools
    const nowMs = clock.nowMs()
    this.#service = learn(this.#service, end.runMs)
    const usage = instance.measure(nowMs)
    const start = instance.takeStart()
    const waitedMs = Math.max(0, nowMs - end.runMs - ticket.invocation.receivedMs)
    const initMs = start === 'warm' ? 0 : Math.min(instance.initMs, waitedMs)
    ticket.settle({
      outcome: end.outcome,
      isolation: this.#driver.isolation,
      start,
      sandboxId: instance.id,
      queueMs: waitedMs - initMs,
      initMs,
      runMs: end.runMs,
      memoryUsedBytes: usage.memoryUsedBytes,
      cpuMs: usage.cpuMs,
      logs: noLogs,
    })
    if (!isReusable(end.outcome) || instance.lostToMemory) this.#remove(instance, 'its last call left it unsound')
    else this.#onFree(instance, nowMs)
  }

  /** The instance died before it began the call: somebody else runs it, unless this call seems to be what kills them. */
  #onNotStarted(ticket: Ticket, next: boolean, outcome: Outcome, instance: Instance): void {
    ticket.moves += 1
    if (next && instance.served === 0) ticket.deathsBeforeStart += 1
    if (ticket.deathsBeforeStart > deathsBeforeStartMax || ticket.moves > movesMax) {
      ticket.settleUnrun(unrunResult(ticket.invocation, outcome, instance.id, this.#tools.clock.nowMs(), 0))
      return
    }
    this.#waiting.unshift(ticket)
    // Not at once: the calls that were behind this one come back in the same turn, and their order is kept.
    queueMicrotask(() => this.#serve())
  }

  #place(ticket: Ticket): void {
    const instance = this.#waiting.length === 0 ? this.#choose() : null
    if (instance !== null) {
      this.#send(instance, ticket)
      return
    }
    const { queueLimit, clock } = this.#tools
    if (this.#waiting.length >= queueLimit) {
      ticket.reject(throttled(`${queueLimit} calls of this function wait already.`))
      return
    }
    if (this.#waiting.weight + ticket.body.length > waitingBytesMax) {
      ticket.reject(throttled('The calls of this function that wait already are too large together.'))
      return
    }
    if (this.#failNow(ticket)) return
    this.#waiting.push(ticket)
    ticket.watchCaller(() => this.#waiting.remove(ticket) && ticket.reject(callerLeft()))
    this.#startMore(clock.nowMs())
  }

  /** An instance that can take a call now. Most recently used first, so that the others can freeze and go. */
  #choose(): Instance | null {
    const depth = queueDepth(this.#service)
    if (depth === 1) return this.#idle.at(-1) ?? null
    const startedAfterMs = this.#tools.clock.nowMs() - promptMs
    const hot = this.#hot
    if (hot !== null && hot.outstanding > 0 && takesAnother(hot, depth, startedAfterMs)) return hot
    const idle = this.#idle.at(-1)
    if (idle !== undefined && this.#busy.size < busyMax(this.#service, this.#tools.processors)) return idle
    return this.#leastBusy(depth, startedAfterMs) ?? idle ?? null
  }

  #leastBusy(depth: number, startedAfterMs: number): Instance | null {
    let best: Instance | null = null
    for (const instance of this.#busy) {
      if (best !== null && instance.outstanding >= best.outstanding) continue
      if (takesAnother(instance, depth, startedAfterMs)) best = instance
    }
    return best
  }

  #send(instance: Instance, ticket: Ticket): void {
    if (instance.outstanding === 0) {
      const at = this.#idle.lastIndexOf(instance)
      if (at >= 0) this.#idle.splice(at, 1)
      this.#busy.add(instance)
    }
    this.#hot = instance
    ticket.unwatchCaller()
    instance.send(ticket)
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const instance = this.#choose()
      if (instance === null) break
      const ticket = this.#waiting.shift()
      if (ticket !== undefined) this.#send(instance, ticket)
    }
    if (this.#waiting.length > 0) this.#startMore(this.#tools.clock.nowMs())
  }

  #onFree(instance: Instance, nowMs: number): void {
    if (instance.place.session.state !== 'open') return
    if (instance.outstanding === 0 && this.#busy.delete(instance)) {
      instance.idleSinceMs = nowMs
      this.#idle.push(instance)
    }
    if (this.#waiting.length > 0) this.#serve()
    if (instance.outstanding > 0) return
    if (this.#retired) this.#remove(instance, 'the version was replaced')
    else this.#tools.onIdle()
  }

  #remove(instance: Instance, why: string): void {
    const at = this.#idle.indexOf(instance)
    if (at >= 0) this.#idle.splice(at, 1)
    else if (!this.#busy.delete(instance)) return
    if (this.#hot === instance) this.#hot = null
    this.#tools.release(this.#limits.memoryMb)
    void instance.place.destroy(why)
    if (this.#waiting.length > 0 && !this.#closed) this.#startMore(this.#tools.clock.nowMs())
  }

  // Starting

  #startMore(nowMs: number): void {
    this.#checkAgainLater()
    if (this.#failure !== null && nowMs < this.#failure.retryAtMs) return
    const { processors, instancesMax, reserve } = this.#tools
    const oldest = this.#waiting.peek()
    let wanted = instancesToStart({
      waiting: this.#waiting.length,
      oldestWaitMs: oldest === undefined ? 0 : nowMs - oldest.arrivedMs,
      ready: this.#idle.length + this.#busy.size,
      starting: this.#starting,
      max: instancesMax,
      startingMax: processors * 2,
      serviceMs: this.#serviceEstimateMs(nowMs),
    })
    while (wanted > 0 && reserve(this.#limits.memoryMb)) {
      wanted -= 1
      this.#starting += 1
      const start = this.#start().finally(() => this.#starts.delete(start))
      this.#starts.add(start)
    }
  }

  /** What a call takes, as far as known: calls that are still running say it takes at least that long. */
  #serviceEstimateMs(nowMs: number): number | null {
    let longestMs = this.#service?.typicalMs ?? null
    for (const instance of this.#busy) {
      const sinceMs = instance.place.session.headSinceMs
      const runningMs = sinceMs === null ? 0 : nowMs - sinceMs
      if (runningMs > slowEvidenceMs && runningMs > (longestMs ?? 0)) longestMs = runningMs
    }
    return longestMs
  }

  async #start(): Promise<void> {
    const { clock, lifecycle } = this.#tools
    const startedMs = clock.nowMs()
    let place: Place | null = null
    try {
      const { place: booted, start } = await this.#boot()
      place = booted
      if (this.#closed) throw new HearthError('draining', 'The server is shutting down.')
      const loaded = await this.#load(place)
      const initMs = clock.nowMs() - startedMs
      if (loaded.kind === 'outcome') {
        this.#onStartFailed({ outcome: loaded.outcome, sandboxId: place.sandbox.id, initMs })
        await place.destroy('its handler did not load')
        return
      }
      if (this.#closed) throw new HearthError('draining', 'The server is shutting down.')
      this.#starting -= 1
      this.#failure = null
      lifecycle.announce('sandbox.bound', {
        sandboxId: place.sandbox.id,
        isolation: this.#driver.isolation,
        versionId: this.version.id,
        start,
        initMs,
      })
      const instance = new Instance(place, start, initMs, clock)
      this.#busy.add(instance)
      place.onEnded = (why) => this.#remove(instance, why)
      this.#onFree(instance, clock.nowMs())
    } catch (fault) {
      await place?.destroy('its start failed')
      this.#onStartFailed(
        fault instanceof HearthError
          ? fault
          : new HearthError('start_failed', 'The sandbox could not be made ready.', { cause: fault }),
      )
    }
  }

  async #boot(): Promise<{ place: Place; start: 'cold' | 'pool' }> {
    const { version } = this
    const pooled = version.config.network === 'none' ? this.#tools.takeGeneric(version, this.#driver) : null
    if (pooled !== null) return { place: pooled, start: 'pool' }
    const codeDir = await this.#tools.codeDirectory(version)
    const place = await Place.boot(
      this.#driver,
      {
        id: this.#tools.newSandboxId(),
        runtime: this.#tools.runtimeOf(version),
        limits: bootLimits(this.#limits),
        network: version.config.network,
        codeDir,
      },
      this.#tools,
    )
    return { place, start: 'cold' }
  }

  async #load(place: Place): ReturnType<Place['session']['load']> {
    const { sandbox, session } = place
    await sandbox.inject(await this.#tools.codeDirectory(this.version), bootLimits(this.#limits))
    const message = initMessage(
      this.version,
      sandbox.taskRoot,
      this.#tools.locality,
      this.#tools.clock.wallMs(),
      LIMITS.answerBytesMax,
    )
    const loaded = await session.load(message, LIMITS.initSeconds * 1000)
    if (loaded.kind === 'loaded') sandbox.setLimits(this.#limits)
    return loaded
  }

  // Failing starts

  #onStartFailed(cause: StartFailure['cause']): void {
    this.#starting -= 1
    this.#tools.release(this.#limits.memoryMb)
    const inARow = (this.#failure?.inARow ?? 0) + 1
    this.#failure = { cause, inARow, retryAtMs: this.#tools.clock.nowMs() + startBackoffMs(inARow) }
    // Somebody else may still serve those who wait; only when nobody can do they get the failure.
    if (this.#starting > 0 || this.#busy.size > 0 || this.#idle.length > 0) return
    for (let ticket = this.#waiting.shift(); ticket !== undefined; ticket = this.#waiting.shift()) {
      ticket.unwatchCaller()
      this.#fail(ticket, this.#failure)
    }
  }

  /** While a failing version may not be started again, its calls get the failure that is known. */
  #failNow(ticket: Ticket): boolean {
    const failure = this.#failure
    if (failure === null || this.#starting > 0 || this.#busy.size > 0 || this.#idle.length > 0) return false
    if (this.#tools.clock.nowMs() >= failure.retryAtMs) return false
    this.#fail(ticket, failure)
    return true
  }

  #fail(ticket: Ticket, { cause }: StartFailure): void {
    if (cause instanceof HearthError) ticket.reject(cause)
    else {
      const { outcome, sandboxId, initMs } = cause
      ticket.settleUnrun(unrunResult(ticket.invocation, outcome, sandboxId, this.#tools.clock.nowMs(), initMs))
    }
  }

  // Waiting

  #checkAgainLater(): void {
    if (this.#timer !== null || this.#waiting.length === 0) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      const nowMs = this.#tools.clock.nowMs()
      this.#turnAway(nowMs)
      this.#serve()
      this.#startMore(nowMs)
    }, demandCheckMs)
  }

  /** Who has waited too long is told so, unless the first instance is still on its way: that has limits of its own. */
  #turnAway(nowMs: number): void {
    if (this.#starting > 0 && this.#busy.size + this.#idle.length === 0) return
    const { queueWaitMaxMs } = this.#tools
    for (let oldest = this.#waiting.peek(); oldest !== undefined; oldest = this.#waiting.peek()) {
      if (nowMs - oldest.arrivedMs < queueWaitMaxMs) return
      this.#waiting.shift()
      oldest.unwatchCaller()
      oldest.reject(throttled(`No place became free within ${queueWaitMaxMs} ms.`))
    }
  }
}

/** Whether a call may be put behind the ones this instance has: few enough, and none that turned out slow. */
const takesAnother = (instance: Instance, depth: number, startedAfterMs: number): boolean =>
  instance.outstanding < depth && (instance.place.session.headSinceMs ?? startedAfterMs) >= startedAfterMs

const throttled = (why: string): HearthError => new HearthError('throttled', why, { retryAfterSeconds: 1 })

/** Nobody reads this: the connection is gone. */
const callerLeft = (): HearthError => new HearthError('invalid_request', 'The caller left before the call began.')
