// Which processes belong to a sandbox that has no walls to hold them. A process id alone may mean another process
// tomorrow; together with the moment it was started it means one for ever.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

interface ProcessStat {
  readonly pid: number
  readonly state: string
  readonly session: number
  /** In the kernel's ticks since boot. */
  readonly startedTicks: string
}

export const killGroup = (pid: number, signal: NodeJS.Signals = 'SIGKILL'): boolean => kill(-pid, signal)

/** Kills the session of the process that wrote this line of `/proc/<pid>/stat`, if it is still the same process. */
export const killRecorded = (line: string): boolean => {
  const known = parseStat(line)
  if (known === null) return false
  const now = readStat(known.pid)
  return now !== null && now.startedTicks === known.startedTicks && killGroup(known.pid)
}

/**
 * Kills what runs in or with one of the folders, or in the session, and what that has forked meanwhile. The best that can
 * be done without a control group: a process that has left the session, the folder and its environment is not found.
 * Returns how many there were.
 */
export const killMarked = (marks: { readonly session?: number; readonly folder: RegExp }): number => {
  const killed = new Set<number>()
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const found = marked(marks).filter((pid) => !killed.has(pid))
    if (found.length === 0) break
    for (const pid of found) if (kill(pid, 'SIGKILL')) killed.add(pid)
  }
  return killed.size
}

const ROUNDS_MAX = 20

const marked = ({ session, folder }: { readonly session?: number; readonly folder: RegExp }): number[] =>
  readdirSync('/proc').flatMap((name) => {
    const pid = Number(name)
    const stat = Number.isInteger(pid) && pid !== process.pid ? readStat(pid) : null
    if (stat === null || stat.state === 'Z') return []
    const isTheirs = stat.session === session || folder.test(cwd(pid)) || folder.test(read(pid, 'environ'))
    return isTheirs ? [pid] : []
  })

const kill = (pid: number, signal: NodeJS.Signals): boolean => {
  try {
    return process.kill(pid, signal)
  } catch {
    return false // it ended meanwhile
  }
}

const readStat = (pid: number): ProcessStat | null => parseStat(read(pid, 'stat'))

/** The name in parentheses may hold anything; the fields are counted from behind it. */
const parseStat = (line: string): ProcessStat | null => {
  const [state, , , session, ...rest] = line.slice(line.lastIndexOf(')') + 2).split(' ')
  const startedTicks = rest[15]
  const pid = Number.parseInt(line, 10)
  if (!(pid > 0) || state === undefined || startedTicks === undefined) return null
  return { pid, state, session: Number(session), startedTicks }
}

const cwd = (pid: number): string => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}

const read = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
