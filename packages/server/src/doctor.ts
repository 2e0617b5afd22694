// `hearth doctor`: what each kind of walls can do on this machine, found out by really starting a sandbox.

import type { DriverView, RuntimeView } from '@hearth/protocol'
import type { Config } from './config.ts'
import type { Log } from './domain/log.ts'
import { openMachine } from './hearth.ts'

export interface Examination {
  readonly automatic: string | null
  readonly drivers: readonly DriverView[]
  readonly runtimes: readonly RuntimeView[]
}

/** Leaves a running server of the same data folder alone: it sweeps nothing and has a run folder of its own. */
export async function examine(config: Config, log: Log): Promise<Examination> {
  const machine = await openMachine(config, log)
  try {
    return { automatic: machine.walls.automatic, drivers: machine.driverViews(), runtimes: machine.runtimeViews() }
  } finally {
    await machine.close()
  }
}

export function tellExamination({ automatic, drivers, runtimes }: Examination): string {
  const lines: string[] = ['Isolation']
  for (const driver of drivers) {
    const mark = driver.available ? 'yes' : 'no '
    const chosen = driver.isolation === automatic ? '  <- automatic choice' : ''
    const took = driver.probe_ms === null ? '' : ` (a sandbox started in ${Math.round(driver.probe_ms)} ms)`
    lines.push(`  ${mark}  ${driver.isolation.padEnd(8)}${driver.available ? took : ''}${chosen}`)
    if (driver.reason !== null) lines.push(`         ${driver.reason}`)
    if (driver.available) {
      const { memory, cpu, processes, disk } = driver.limits
      lines.push(`         limits: memory ${memory}, cpu ${cpu}, processes ${processes}, disk ${disk}`)
      lines.push(`         frozen between calls: ${driver.freeze}; networks: ${driver.networks.join(', ')}`)
    }
    for (const note of driver.notes) lines.push(`         note: ${note}`)
  }
  lines.push('', 'Runtimes')
  if (runtimes.length === 0) lines.push('  none found: install Python 3.8+ or Node 18+')
  for (const { name, version, aliases, interpreter } of runtimes) {
    lines.push(
      `  ${name.padEnd(12)} ${version.padEnd(9)} ${interpreter}${aliases.length > 0 ? `  (${aliases.join(', ')})` : ''}`,
    )
  }
  if (automatic === null)
    lines.push('', 'No isolation can be had here: functions cannot run until one of the reasons above is mended.')
  return `${lines.join('\n')}\n`
}
