// Counts and latencies of one group of invocations. Adding one costs about a microsecond; tallies can be merged.

import { DDSketch } from '@datadog/sketches-js'
import type { MetricsRow } from '@hearth/protocol'
import type { InvocationRecord } from '../domain/invocation.ts'

/** What a tally needs of an invocation. */
export type Tallied = Pick<InvocationRecord, 'outcome' | 'start' | 'totalMs'>

/** A percentile is within one percent of the true value. */
const relativeAccuracy = 0.01

export class Tally {
  readonly #latencies = new DDSketch({ relativeAccuracy })
  #count = 0
  #errors = 0
  #timeouts = 0
  #crashes = 0
  #ooms = 0
  #throttles = 0
  #cold = 0
  #pool = 0
  #totalMs = 0

  add({ outcome, start, totalMs }: Tallied): void {
    // Durations come from a monotonic clock and cannot be negative; a wrong one must not poison the sums all the same.
    const ms = totalMs >= 0 ? totalMs : 0
    this.#count += 1
    this.#totalMs += ms
    this.#latencies.accept(ms)
    if (start === 'cold') this.#cold += 1
    else if (start === 'pool') this.#pool += 1
    if (outcome === 'ok') return
    this.#errors += 1
    if (outcome === 'timeout') this.#timeouts += 1
    else if (outcome === 'crash') this.#crashes += 1
    else if (outcome === 'oom') this.#ooms += 1
  }

  throttle(): void {
    this.#throttles += 1
  }

  get row(): MetricsRow {
    const count = this.#count
    const share = (part: number): number => (count === 0 ? 0 : part / count)
    // The smallest value that a share of q does not exceed. The sketch itself rounds the rank down, which for few values
    // would hide the slowest one.
    const quantile = (q: number): number => {
      if (count === 0) return 0
      const rank = count === 1 ? 0 : (Math.ceil(q * count) - 1) / (count - 1)
      return Math.max(0, this.#latencies.getValueAtQuantile(rank))
    }
    return {
      count,
      errors: this.#errors,
      timeouts: this.#timeouts,
      crashes: this.#crashes,
      ooms: this.#ooms,
      throttles: this.#throttles,
      error_rate: share(this.#errors),
      cold_starts: this.#cold,
      pool_starts: this.#pool,
      cold_share: share(this.#cold),
      average_ms: share(this.#totalMs),
      p50_ms: quantile(0.5),
      p95_ms: quantile(0.95),
      p99_ms: quantile(0.99),
    }
  }
}
