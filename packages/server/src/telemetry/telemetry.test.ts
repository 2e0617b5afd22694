import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../domain/clock.ts'
import { HearthError } from '../domain/hearth-error.ts'
import { type InvocationRecord, noLogs } from '../domain/invocation.ts'
import { Lifecycle } from '../domain/lifecycle.ts'
import { silentLog } from '../domain/log.ts'
import type { InvocationStore } from '../domain/store.ts'
import { InvocationRecorder } from './invocation-recorder.ts'
import { MetricsBook } from './metrics-book.ts'
import { SandboxCensus } from './sandbox-census.ts'

let made = 0
function record(some: Partial<InvocationRecord> = {}): InvocationRecord {
  made += 1
  return {
    requestId: `id-${String(made).padStart(8, '0')}`,
    functionId: 'f',
    functionName: 'fn',
    versionNumber: 1,
    trigger: 'invoke',
    runtime: 'python3.11',
    language: 'python',
    isolation: 'linux',
    start: 'warm',
    sandboxId: 's',
    outcome: 'ok',
    errorType: null,
    errorMessage: null,
    receivedAtMs: 1,
    queueMs: 0,
    initMs: 0,
    runMs: 1,
    totalMs: 1,
    billedMs: 1,
    memoryMb: 128,
    memoryUsedBytes: null,
    cpuMs: null,
    eventBytes: 0,
    answerBytes: 0,
    logs: noLogs,
    ...some,
  }
}

/** A store that can be told to refuse. */
class MoodyStore implements InvocationStore {
  readonly kept: InvocationRecord[] = []
  refusals = 0
  appends = 0
  /** What each call of `prune` removes. */
  prunes: number[] = []
  pruned = 0
  refused: string | null = null

  async append(records: readonly InvocationRecord[]): Promise<void> {
    this.appends += 1
    await new Promise((resolve) => setImmediate(resolve))
    if (this.refusals > 0) {
      this.refusals -= 1
      throw new HearthError('storage_unavailable', 'the disk is full')
    }
    if (records.some(({ requestId }) => requestId === this.refused)) throw new Error('NOT NULL constraint failed')
    this.kept.push(...records)
  }
  async find(requestId: string): Promise<InvocationRecord | null> {
    return this.kept.find((one) => one.requestId === requestId) ?? null
  }
  async list({ limit }: { limit: number }): Promise<InvocationRecord[]> {
    return [...this.kept].reverse().slice(0, limit)
  }
  async scan(_: number, each: (records: readonly InvocationRecord[]) => void): Promise<void> {
    each(this.kept)
  }
  async prune(): Promise<number> {
    this.pruned += 1
    return this.prunes.shift() ?? 0
  }
}

function recorder() {
  const store = new MoodyStore()
  const lifecycle = new Lifecycle((fault) => {
    throw fault
  })
  const made = new InvocationRecorder(
    { store, lifecycle, clock: systemClock, log: silentLog },
    { keep: 100, keepMs: 1e9 },
  )
  return { store, recorder: made, finish: (one: InvocationRecord) => lifecycle.announce('invocation.finished', one) }
}

afterEach(() => {
  vi.useRealTimers()
})

describe('the recorder', () => {
  it('finds a call the moment it has finished, before it is stored', async () => {
    const { recorder: keeper, store, finish } = recorder()
    const one = record()
    finish(one)
    expect(store.kept).toEqual([])
    expect(await keeper.find(one.requestId)).toEqual(one)
    expect(await keeper.list({ limit: 5 })).toEqual([one])
    await keeper.close()
  })

  it('writes everything once, in batches, and lists memory and store as one', async () => {
    const { recorder: keeper, store, finish } = recorder()
    const all = Array.from({ length: 4_500 }, () => record())
    for (const one of all) finish(one)
    const flushed = keeper.flush()
    const late = record()
    finish(late)
    await flushed
    await keeper.flush()
    expect(store.kept.map(({ requestId }) => requestId)).toEqual([...all, late].map(({ requestId }) => requestId))
    expect(store.appends).toBeLessThan(10)
    expect((await keeper.list({ limit: 2 })).map(({ requestId }) => requestId)).toEqual([
      late.requestId,
      all.at(-1)?.requestId,
    ])
    await keeper.close()
  })

  it('keeps what the store refused and writes it when the store is back', async () => {
    const { recorder: keeper, store, finish } = recorder()
    store.refusals = 1
    const one = record()
    finish(one)
    await expect(keeper.flush()).rejects.toThrow('the disk is full')
    expect(await keeper.find(one.requestId)).toEqual(one)
    await keeper.flush()
    expect(store.kept).toEqual([one])
    await keeper.close()
  })

  it('does not hammer a store that is away, however much waits', async () => {
    vi.useFakeTimers()
    const { recorder: keeper, store, finish } = recorder()
    store.refusals = Number.POSITIVE_INFINITY
    for (let count = 0; count < 5_000; count += 1) finish(record())
    await vi.advanceTimersByTimeAsync(10_000)
    expect(store.appends).toBeGreaterThan(2)
    expect(store.appends).toBeLessThan(10)
    store.refusals = 0
    await vi.advanceTimersByTimeAsync(20_000)
    expect(store.kept).toHaveLength(5_000)
    vi.useRealTimers()
    await keeper.close()
  })

  it('loses one record that the store will never take, not those beside it', async () => {
    const { recorder: keeper, store, finish } = recorder()
    const [before, odd, after] = [record(), record(), record()]
    store.refused = odd.requestId
    for (const one of [before, odd, after]) finish(one)
    await keeper.flush()
    expect(store.kept).toEqual([before, after])
    expect(keeper.counters).toMatchObject({ waiting: 0, written: 2, givenUp: 1 })
    await keeper.close()
  })

  it('goes on removing old records until none is left to remove', async () => {
    vi.useFakeTimers()
    const { recorder: keeper, store, finish } = recorder()
    store.prunes = [20_000, 20_000, 5]
    finish(record())
    await vi.advanceTimersByTimeAsync(1_000)
    expect(store.pruned).toBe(0)
    await vi.advanceTimersByTimeAsync(60_000)
    finish(record())
    await vi.advanceTimersByTimeAsync(1_000)
    expect(store.pruned).toBe(4)
    vi.useRealTimers()
    await keeper.close()
  })

  it('gives up the oldest when the store stays away, and counts them', async () => {
    const { recorder: keeper, store, finish } = recorder()
    store.refusals = Number.POSITIVE_INFINITY
    for (let count = 0; count < 50_010; count += 1) finish(record())
    expect(keeper.counters).toMatchObject({ waiting: 50_000, givenUp: 10 })
    await keeper.close()
  })

  it('bounds what logs may hold in memory', async () => {
    const { recorder: keeper, store, finish } = recorder()
    store.refusals = Number.POSITIVE_INFINITY
    const logs = { lines: [{ wallMs: 1, stream: 'stdout' as const, text: 'x'.repeat(1 << 20) }], droppedBytes: 0 }
    for (let count = 0; count < 100; count += 1) finish(record({ logs }))
    expect(keeper.counters.waiting).toBeLessThanOrEqual(64)
    await keeper.close()
  })
})

describe('the metrics', () => {
  function book() {
    const lifecycle = new Lifecycle(() => {})
    return { book: new MetricsBook(lifecycle, Date.now()), lifecycle }
  }

  it('count by function, language, walls and in total', () => {
    const { book: metrics, lifecycle } = book()
    const finish = (some: Partial<InvocationRecord>): void => lifecycle.announce('invocation.finished', record(some))
    finish({ functionId: 'a', functionName: 'A', start: 'cold', totalMs: 100 })
    finish({ functionId: 'a', functionName: 'A', totalMs: 10 })
    finish({ functionId: 'b', functionName: 'B', language: 'javascript', outcome: 'timeout', totalMs: 1000 })
    finish({
      functionId: 'b',
      functionName: 'B',
      language: 'javascript',
      outcome: 'oom',
      isolation: 'gvisor',
      totalMs: 20,
    })
    lifecycle.announce('invocation.throttled', {
      functionId: 'b',
      functionName: 'B',
      isolation: 'linux',
      language: 'javascript',
    })
    const { total, functions, languages, isolations } = metrics.summary()
    expect(total).toMatchObject({
      count: 4,
      errors: 2,
      timeouts: 1,
      ooms: 1,
      throttles: 1,
      cold_starts: 1,
      cold_share: 0.25,
      error_rate: 0.5,
    })
    expect(total.average_ms).toBeCloseTo(282.5)
    expect(functions.map(({ function_name, count, errors }) => [function_name, count, errors])).toEqual([
      ['A', 2, 0],
      ['B', 2, 2],
    ])
    expect(languages.map(({ language, count }) => [language, count])).toEqual([
      ['python', 2],
      ['javascript', 2],
    ])
    expect(isolations.map(({ isolation, count }) => [isolation, count])).toEqual([
      ['linux', 3],
      ['gvisor', 1],
    ])
  })

  it('give percentiles within a few percent', () => {
    const { book: metrics, lifecycle } = book()
    for (let ms = 1; ms <= 1000; ms += 1) lifecycle.announce('invocation.finished', record({ totalMs: ms }))
    const { p50_ms, p95_ms, p99_ms } = metrics.summary().total
    for (const [found, wanted] of [
      [p50_ms, 500],
      [p95_ms, 950],
      [p99_ms, 990],
    ] as const) {
      expect(Math.abs(found - wanted) / wanted).toBeLessThan(0.03)
    }
  })

  it('show the slowest of few', () => {
    const { book: metrics, lifecycle } = book()
    for (const totalMs of [1, 43]) lifecycle.announce('invocation.finished', record({ totalMs }))
    const { p50_ms, p99_ms } = metrics.summary().total
    expect([Math.round(p50_ms), Math.round(p99_ms)]).toEqual([1, 43])
  })

  it('are never negative, and empty where nothing happened', () => {
    const { book: metrics, lifecycle } = book()
    for (const figure of Object.values(metrics.summary().total)) expect(figure).toBe(0)
    lifecycle.announce('invocation.finished', record({ totalMs: -16_755 }))
    for (const figure of Object.values(metrics.summary().total)) expect(figure).toBeGreaterThanOrEqual(0)
  })

  it('remember the last day over a restart', async () => {
    const store = new MoodyStore()
    await store.append([record({ totalMs: 5 }), record({ outcome: 'error' })])
    const { book: metrics } = book()
    await metrics.load(store)
    expect(metrics.summary().total).toMatchObject({ count: 2, errors: 1 })
  })

  it('count a call of this life once, though it is found stored while they are being rebuilt', async () => {
    const store = new MoodyStore()
    const { book: metrics, lifecycle } = book()
    const live = record({ receivedAtMs: Date.now() + 1 })
    lifecycle.announce('invocation.finished', live)
    await store.append([record(), live])
    await metrics.load(store)
    expect(metrics.summary().total.count).toBe(2)
  })
})

it('counts sandboxes as they come, freeze and go', () => {
  const lifecycle = new Lifecycle(() => {})
  const counted = new SandboxCensus(lifecycle)
  for (const sandboxId of ['a', 'b']) {
    lifecycle.announce('sandbox.created', { sandboxId, isolation: 'linux', runtime: 'r', tookMs: 1 })
    lifecycle.announce('sandbox.frozen', { sandboxId })
  }
  lifecycle.announce('sandbox.thawed', { sandboxId: 'a' })
  lifecycle.announce('sandbox.destroyed', { sandboxId: 'b', isolation: 'linux', reason: '' })
  lifecycle.announce('sandbox.destroyed', { sandboxId: 'b', isolation: 'linux', reason: '' })
  expect(counted.census).toEqual({ alive: 1, frozen: 0, created: 2, destroyed: 1, by_isolation: { linux: 1 } })
})
