// Everything that is measured, as one JSON document: what calls did, what sandboxes do, how the server itself is.

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { MetricsSummary } from '@hearth/protocol'
import type { InvocationRecorder, RecorderCounters } from './invocation-recorder.ts'
import type { MetricsBook } from './metrics-book.ts'
import type { Census, SandboxCensus } from './sandbox-census.ts'

export interface MetricsReport extends MetricsSummary {
  readonly process: {
    readonly uptime_seconds: number
    readonly rss_bytes: number
    readonly heap_used_bytes: number
    readonly cpu_seconds: number
    /** How late the event loop was, over the last one to two minutes. */
    readonly event_loop_delay_ms: { readonly p50: number; readonly p99: number; readonly max: number }
  }
  readonly sandboxes: Census
  readonly records: RecorderCounters
}

const resolutionMs = 10
const windowMs = 60_000

export class ServerMetrics {
  readonly #parts: { metrics: MetricsBook; recorder: InvocationRecorder; census: SandboxCensus }
  /** The last full window and the one being filled, so that a report never rests on a few samples. */
  #delays: [IntervalHistogram, IntervalHistogram] = [startedHistogram(), startedHistogram()]
  readonly #timer: NodeJS.Timeout

  constructor(parts: { metrics: MetricsBook; recorder: InvocationRecorder; census: SandboxCensus }) {
    this.#parts = parts
    this.#timer = setInterval(() => this.#turnWindow(), windowMs)
    this.#timer.unref()
  }

  summary(): MetricsSummary {
    return this.#parts.metrics.summary()
  }

  report(): MetricsReport {
    const { rss, heapUsed } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    const [delays] = this.#delays
    return {
      ...this.summary(),
      process: {
        uptime_seconds: process.uptime(),
        rss_bytes: rss,
        heap_used_bytes: heapUsed,
        cpu_seconds: (user + system) / 1e6,
        event_loop_delay_ms: {
          p50: lateMs(delays.percentile(50)),
          p99: lateMs(delays.percentile(99)),
          max: delays.count === 0 ? 0 : lateMs(delays.max),
        },
      },
      sandboxes: this.#parts.census.census,
      records: this.#parts.recorder.counters,
    }
  }

  close(): void {
    clearInterval(this.#timer)
    for (const delays of this.#delays) delays.disable()
  }

  #turnWindow(): void {
    const [oldest, newest] = this.#delays
    oldest.disable()
    this.#delays = [newest, startedHistogram()]
  }
}

function startedHistogram(): IntervalHistogram {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  histogram.enable()
  return histogram
}

/** The histogram counts the whole interval; only what it took beyond its resolution is delay. */
const lateMs = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolutionMs)
