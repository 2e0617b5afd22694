// What the drivers' probes found: which kinds of walls can be had here, and which one `auto` means.

import { ISOLATIONS, type Isolation, type Network } from '@hearth/protocol'
import type { ProbeReport, SandboxDriver } from '../domain/sandbox.ts'
import type { Walls } from '../domain/walls.ts'

/** POLICY: strongest first. Docker needs a daemon and images and is only used when somebody asks for it; `process` has no walls. */
const automaticOrder: readonly Isolation[] = ['microvm', 'gvisor', 'linux']

export class ProbedWalls implements Walls {
  readonly automatic: Isolation | null
  readonly #drivers: ReadonlyMap<Isolation, SandboxDriver>
  readonly #reports = new Map<Isolation, ProbeReport>()

  /** `wanted` is the operator's choice of what `auto` means; a named kind is taken as named, there or not. */
  constructor(
    drivers: ReadonlyMap<Isolation, SandboxDriver>,
    reports: readonly ProbeReport[],
    wanted: Isolation | 'auto',
  ) {
    this.#drivers = drivers
    for (const report of reports) this.#reports.set(report.isolation, report)
    this.automatic =
      wanted === 'auto' ? (automaticOrder.find((isolation) => this.whyNot(isolation) === null) ?? null) : wanted
  }

  /** Every driver there is, probes once each, at the same time. */
  static async probe(drivers: ReadonlyMap<Isolation, SandboxDriver>, wanted: Isolation | 'auto'): Promise<ProbedWalls> {
    return new ProbedWalls(drivers, await Promise.all([...drivers.values()].map((driver) => driver.probe())), wanted)
  }

  report(isolation: Isolation): ProbeReport {
    return (
      this.#reports.get(isolation) ?? {
        isolation,
        available: false,
        reason:
          isolation === 'process'
            ? 'it has no walls at all and must be enabled on purpose: start Hearth with --isolation process'
            : 'this version of Hearth has no driver for it',
        notes: [],
        startMs: null,
      }
    )
  }

  get reports(): readonly ProbeReport[] {
    return ISOLATIONS.map((isolation) => this.report(isolation))
  }

  whyNot(isolation: Isolation): string | null {
    const report = this.report(isolation)
    return report.available ? null : (report.reason ?? 'its probe failed')
  }

  networks(isolation: Isolation): readonly Network[] {
    return this.#drivers.get(isolation)?.capabilities.networks ?? []
  }
}
