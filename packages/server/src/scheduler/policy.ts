// What the scheduler decides, as pure functions of numbers. What it does about it is in the files beside this one.

import { LIMITS } from '@hearth/protocol'
import type { FunctionConfig } from '../domain/function.ts'
import type { SandboxLimits } from '../domain/sandbox.ts'

/** A call may wait in an instance's channel behind this much work: less than it takes to wake another process. */
const queueAheadMs = 2
/** Deep enough to keep a guest busy over one turn of the host's event loop; deeper only adds waiting. */
const queueAheadMax = 16
/** A function faster than this is limited by processors, not by waiting: more instances than processors slow it down. */
const fastMs = 1
/** Waiting that a short burst may cost before another instance is worth starting. */
const scaleOutAfterMs = 5
/** The queue should drain within this, else more instances are needed. */
const drainTargetMs = 10

/** What is known of how long a version's calls take. */
export interface Service {
  readonly typicalMs: number
  /** The slowest of late: falls by a hundredth with every faster call. */
  readonly slowestMs: number
  readonly measured: number
}

/** Before this many measurements a function may still turn out to be anything. */
const measuredMin = 10
/** One call this slow among the last few hundred, and nothing is put behind another call that could be as slow. */
const slowestMaxMs = 20

/** POLICY: how many calls may be in one instance's channel. One, until the function is known to be fast every time. */
export const queueDepth = (service: Service | null): number =>
  service === null || service.measured < measuredMin || service.typicalMs >= fastMs || service.slowestMs > slowestMaxMs
    ? 1
    : Math.max(1, Math.min(queueAheadMax, Math.floor(queueAheadMs / Math.max(service.typicalMs, 0.01))))

/** POLICY: nothing is put behind a call that has been running for this long already. */
export const promptMs = queueAheadMs

/** POLICY: a measurement moves the typical time a tenth of the way; one outlier moves it by at most half. */
export const learn = (known: Service | null, measuredMs: number): Service =>
  known === null
    ? { typicalMs: measuredMs, slowestMs: measuredMs, measured: 1 }
    : {
        typicalMs: known.typicalMs + 0.1 * (Math.min(measuredMs, known.typicalMs * 5 + 0.05) - known.typicalMs),
        slowestMs: Math.max(measuredMs, known.slowestMs * 0.99),
        measured: known.measured + 1,
      }

/** POLICY: instances that may work at once; the others stay idle although they are ready. */
export const busyMax = (service: Service | null, processors: number): number =>
  queueDepth(service) > 1 ? Math.max(2, processors) : Number.POSITIVE_INFINITY

export interface Demand {
  readonly waiting: number
  readonly oldestWaitMs: number
  /** Ready instances, busy or idle. */
  readonly ready: number
  readonly starting: number
  /** Most instances this version may have. */
  readonly max: number
  /** Starts that may go on at once for one version. */
  readonly startingMax: number
  readonly serviceMs: number | null
}

/** POLICY: how many instances to start now. The first at once, more only for waiting that lasts. */
export function instancesToStart(demand: Demand): number {
  const { waiting, ready, starting, max, startingMax, serviceMs } = demand
  if (waiting === 0) return 0
  const room = Math.min(max - ready - starting, startingMax - starting)
  if (room <= 0) return 0
  if (ready + starting === 0) return 1
  if (demand.oldestWaitMs < scaleOutAfterMs) return 0
  if (serviceMs === null) return Math.max(0, Math.min(room, waiting - starting))
  // What the instances that are there will have taken off the queue in time needs nobody new.
  const callsEach = drainTargetMs / Math.max(serviceMs, 0.01)
  const beyond = waiting - ready * Math.floor(callsEach)
  const needed = Math.ceil(beyond / Math.max(1, callsEach))
  return Math.max(0, Math.min(room, needed - starting))
}

/** POLICY: a call that has been running for longer than this is evidence of a slow function, not of a busy machine. */
export const slowEvidenceMs = 2 * drainTargetMs

/** When to look at the demand again while calls wait. */
export const demandCheckMs = scaleOutAfterMs

/** POLICY: after this long without a call an instance is frozen. Long enough that steady traffic never pays a thaw. */
export const freezeAfterMs = 20

/** POLICY: waiting before the next start of a version whose starts keep failing: 1 s, doubling to 30 s. */
export const startBackoffMs = (failuresInARow: number): number =>
  failuresInARow === 0 ? 0 : Math.min(30_000, 1_000 * 2 ** (failuresInARow - 1))

/** The limits a version runs under. Processor time follows memory, as at AWS. */
export const limitsOf = (config: FunctionConfig): SandboxLimits => ({
  memoryMb: config.memoryMb,
  cpus: config.memoryMb / LIMITS.memoryMbPerCpu,
  processes: LIMITS.processes,
  openFiles: LIMITS.openFiles,
  tmpMb: LIMITS.tmpMb,
  tmpInodes: LIMITS.tmpInodes,
})

/** The limits while a runtime boots and loads its handler: at least one processor, or a small function starts in seconds. */
export const bootLimits = (limits: SandboxLimits): SandboxLimits => ({ ...limits, cpus: Math.max(1, limits.cpus) })

/** The limits of a generic sandbox that has no version yet: only a runtime runs in it. */
export const genericLimits: SandboxLimits = {
  memoryMb: 512,
  cpus: 1,
  processes: LIMITS.processes,
  openFiles: LIMITS.openFiles,
  tmpMb: LIMITS.tmpMb,
  tmpInodes: LIMITS.tmpInodes,
}

export interface Evictable {
  readonly idleSinceMs: number
}

/** POLICY: who makes room when the machine is full: the one that has been idle longest. */
export const chooseVictim = <T extends Evictable>(idle: Iterable<T>): T | null => {
  let victim: T | null = null
  for (const candidate of idle) if (victim === null || candidate.idleSinceMs < victim.idleSinceMs) victim = candidate
  return victim
}
