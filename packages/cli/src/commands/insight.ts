// What it amounts to: metrics, drivers.

import type { DriverView, MetricsRow } from '@hearth/protocol'
import type { Command } from 'commander'
import { table } from '../terminal.ts'
import type { Context } from './context.ts'

const METRICS_HEAD = [
  'CALLS',
  'ERRORS',
  'TIMEOUTS',
  'CRASHES',
  'OOM',
  'THROTTLED',
  'COLD',
  'AVERAGE',
  'P50',
  'P95',
  'P99',
]

export function addInsightCommands(program: Command, context: Context): void {
  program
    .command('metrics')
    .description('counts and times by function, language and isolation')
    .action(async (_: unknown, command: Command) => {
      const summary = await context.client(command).metricsSummary()
      context
        .terminal(command)
        .result(summary, () =>
          [
            `since ${summary.since}`,
            table(
              ['', ...METRICS_HEAD],
              [
                ['all', ...cells(summary.total)],
                ...summary.functions.map((row) => [row.function_name, ...cells(row)]),
                ...summary.languages.map((row) => [row.language, ...cells(row)]),
                ...summary.isolations.map((row) => [row.isolation, ...cells(row)]),
              ],
            ),
          ].join('\n'),
        )
    })

  program
    .command('drivers')
    .description('what each kind of isolation can do on the server')
    .action(async (_: unknown, command: Command) => {
      const drivers = await context.client(command).listDrivers()
      context.terminal(command).result(drivers, () => describeDrivers(drivers))
    })
}

function cells(row: MetricsRow): (string | number)[] {
  const times = [row.average_ms, row.p50_ms, row.p95_ms, row.p99_ms].map((ms) => `${ms.toFixed(1)} ms`)
  const cold = `${(row.cold_share * 100).toFixed(1)} %`
  return [row.count, row.errors, row.timeouts, row.crashes, row.ooms, row.throttles, cold, ...times]
}

export function describeDrivers(drivers: readonly DriverView[]): string {
  const rows = drivers.map(({ isolation, available, limits, freeze, networks, probe_ms, reason }) =>
    available
      ? [
          isolation,
          'yes',
          limits.memory,
          limits.cpu,
          limits.processes,
          limits.disk,
          freeze,
          networks.join(' '),
          probe_ms,
        ]
      : [isolation, `no: ${reason}`],
  )
  const head = ['ISOLATION', 'AVAILABLE', 'MEMORY', 'CPU', 'PROCESSES', 'DISK', 'FREEZE', 'NETWORKS', 'START MS']
  const shown = table(
    head,
    rows.filter((row) => row.length > 2),
  )
  const refused = rows.filter((row) => row.length === 2).map(([isolation, why]) => `${isolation}  ${why}`)
  const notes = drivers.flatMap(({ isolation, notes }) => notes.map((note) => `${isolation}: ${note}`))
  return [shown, ...refused, ...notes].join('\n')
}
