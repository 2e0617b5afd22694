import { expect, it } from 'vitest'
import { systemClock } from '../domain/clock.ts'
import { Lifecycle } from '../domain/lifecycle.ts'
import { silentLog } from '../domain/log.ts'
import { MemoryStore } from '../store/memory/memory-store.ts'
import { InvocationRecorder } from './invocation-recorder.ts'
import { MetricsBook } from './metrics-book.ts'
import { SandboxCensus } from './sandbox-census.ts'
import { ServerMetrics } from './server-metrics.ts'

it('tells how calls, sandboxes, records and the server itself are, in JSON', async () => {
  const lifecycle = new Lifecycle(() => {})
  const recorder = new InvocationRecorder(
    { store: new MemoryStore().invocations, lifecycle, clock: systemClock, log: silentLog },
    { keep: 10, keepMs: 1e9 },
  )
  const measured = new ServerMetrics({
    metrics: new MetricsBook(lifecycle, Date.now()),
    recorder,
    census: new SandboxCensus(lifecycle),
  })
  lifecycle.announce('sandbox.created', { sandboxId: 'a', isolation: 'linux', runtime: 'r', tookMs: 1 })
  const busyUntil = performance.now() + 150
  await new Promise((resolve) => setTimeout(resolve, 30))
  while (performance.now() < busyUntil);
  await new Promise((resolve) => setTimeout(resolve, 30))
  const report = measured.report()
  expect(JSON.parse(JSON.stringify(report))).toEqual(report)
  expect(report.total.count).toBe(0)
  expect(report.sandboxes).toMatchObject({ alive: 1, by_isolation: { linux: 1 } })
  expect(report.records).toMatchObject({ waiting: 0, givenUp: 0 })
  expect(report.process.rss_bytes).toBeGreaterThan(1e6)
  expect(report.process.cpu_seconds).toBeGreaterThan(0)
  // The loop stood still for more than a tenth of a second, and that is what the figure is for.
  expect(report.process.event_loop_delay_ms.max).toBeGreaterThan(50)
  measured.close()
  await recorder.close()
})
