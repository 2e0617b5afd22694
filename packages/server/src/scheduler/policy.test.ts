import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  busyMax,
  chooseVictim,
  type Demand,
  instancesToStart,
  learn,
  queueDepth,
  type Service,
  startBackoffMs,
} from './policy.ts'

const demand = (some: Partial<Demand>): Demand => ({
  waiting: 1,
  oldestWaitMs: 0,
  ready: 0,
  starting: 0,
  max: 50,
  startingMax: 4,
  serviceMs: null,
  ...some,
})

const anyDemand = fc.record({
  waiting: fc.nat(2000),
  oldestWaitMs: fc.nat(20_000),
  ready: fc.nat(60),
  starting: fc.nat(10),
  max: fc.integer({ min: 1, max: 60 }),
  startingMax: fc.integer({ min: 1, max: 16 }),
  serviceMs: fc.option(fc.double({ min: 0, max: 100_000, noNaN: true })),
})

describe('how many instances to start', () => {
  it('is never negative, never beyond a maximum, and nothing when nobody waits', () => {
    fc.assert(
      fc.property(anyDemand, (any) => {
        const starts = instancesToStart(any)
        expect(starts).toBeGreaterThanOrEqual(0)
        expect(starts).toBeLessThanOrEqual(any.waiting)
        if (starts > 0) {
          expect(any.ready + any.starting + starts).toBeLessThanOrEqual(any.max)
          expect(any.starting + starts).toBeLessThanOrEqual(any.startingMax)
        }
      }),
    )
  })

  it('is one at once for the first call, however many wait', () => {
    expect(instancesToStart(demand({ waiting: 50 }))).toBe(1)
  })

  it('is nothing more while the waiting is short', () => {
    expect(instancesToStart(demand({ waiting: 50, ready: 1, oldestWaitMs: 1 }))).toBe(0)
  })

  it('follows the number of waiting calls when they are slow', () => {
    expect(instancesToStart(demand({ waiting: 3, ready: 1, oldestWaitMs: 10, serviceMs: 1000 }))).toBe(3)
  })

  it('is nothing for a fast function whose instances will soon have drained the queue', () => {
    expect(instancesToStart(demand({ waiting: 90, ready: 1, oldestWaitMs: 10, serviceMs: 0.1 }))).toBe(0)
    expect(instancesToStart(demand({ waiting: 300, ready: 1, oldestWaitMs: 10, serviceMs: 0.1 }))).toBe(2)
  })

  it('counts the starts under way', () => {
    expect(instancesToStart(demand({ waiting: 2, starting: 2, oldestWaitMs: 50, serviceMs: 500 }))).toBe(0)
  })
})

const service = (typicalMs: number, some: Partial<Service> = {}): Service => ({
  typicalMs,
  slowestMs: typicalMs,
  measured: 100,
  ...some,
})

describe('how deep to queue ahead', () => {
  it('is one for slow, unknown, hardly known and unsteady functions', () => {
    expect(queueDepth(null)).toBe(1)
    expect(queueDepth(service(1))).toBe(1)
    expect(queueDepth(service(0.01, { measured: 2 }))).toBe(1)
    expect(queueDepth(service(0.01, { slowestMs: 400 }))).toBe(1)
  })

  it('grows as the function is faster, within a bound', () => {
    expect(queueDepth(service(0.5))).toBe(4)
    expect(queueDepth(service(0))).toBe(16)
  })
})

describe('what is learned from a call', () => {
  it('stays between what was known and half as much again, whatever is measured', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        (known, measuredMs) => {
          const { typicalMs, slowestMs } = learn(service(known), measuredMs)
          expect(typicalMs).toBeGreaterThanOrEqual(Math.min(known, measuredMs) - 1e-6)
          expect(typicalMs).toBeLessThanOrEqual(known * 1.5 + 0.01)
          expect(slowestMs).toBeGreaterThanOrEqual(measuredMs)
        },
      ),
    )
  })

  it('forgets one slow call after some hundred fast ones', () => {
    let known = learn(null, 400)
    for (let call = 0; call < 100; call += 1) known = learn(known, 0.1)
    expect(queueDepth(known)).toBe(1)
    for (let call = 0; call < 300; call += 1) known = learn(known, 0.1)
    expect(queueDepth(known)).toBeGreaterThan(1)
  })
})

it('lets a fast function work in as many instances as there are processors', () => {
  expect(busyMax(service(0.1), 8)).toBe(8)
  expect(busyMax(service(50), 8)).toBe(Number.POSITIVE_INFINITY)
})

it('doubles the wait between failing starts from one second to thirty', () => {
  expect([0, 1, 2, 3, 6, 20].map(startBackoffMs)).toEqual([0, 1000, 2000, 4000, 30_000, 30_000])
})

it('evicts what has been idle longest', () => {
  expect(chooseVictim([{ idleSinceMs: 5 }, { idleSinceMs: 2 }, { idleSinceMs: 9 }])?.idleSinceMs).toBe(2)
  expect(chooseVictim([])).toBeNull()
})
