// A process id alone may mean another process tomorrow; together with the moment it was started it means one for ever.

import { readFile } from 'node:fs/promises'

export interface ProcessIdentity {
  readonly pid: number
  /** In the kernel's ticks since boot. */
  readonly startedTicks: string
}

export async function identify(pid: number): Promise<ProcessIdentity> {
  return { pid, startedTicks: (await startedTicks(pid)) ?? '' }
}

/** Kills the whole session of the process if it is still the same one. */
export async function killIdentified({ pid, startedTicks: known }: ProcessIdentity): Promise<boolean> {
  if (known === '' || (await startedTicks(pid)) !== known) return false
  return killGroup(pid)
}

export function killGroup(pid: number, signal: NodeJS.Signals = 'SIGKILL'): boolean {
  try {
    process.kill(-pid, signal)
    return true
  } catch {
    return false
  }
}

async function startedTicks(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold anything; the fields are counted from behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}
