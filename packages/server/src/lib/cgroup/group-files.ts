// The files and directories of control groups, in either version.

import { closeSync, constants, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const REMOVE_WITHIN_MS = 5_000
const PAUSE_FIRST_MS = 2
const PAUSE_MAX_MS = 100

/** Relative paths of the groups in `root` at and below `name`, parents first; empty when there is none. */
export const groupsAt = (root: string, name: string): string[] => {
  let children: string[]
  try {
    children = readdirSync(join(root, name), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    )
  } catch (fault) {
    if (isGone(fault)) return []
    throw fault
  }
  return [name, ...children.flatMap((child) => groupsAt(root, `${name}/${child}`))]
}

/** Makes a group that must not exist yet. */
export const makeGroup = (directory: string): void => {
  mkdirSync(dirname(directory), { recursive: true })
  mkdirSync(directory)
}

/** Never creates the file: a control the kernel does not have must say ENOENT. */
export const writeControl = (path: string, text: string): void => {
  let fd: number | null = null
  try {
    fd = openSync(path, constants.O_WRONLY)
    writeSync(fd, text)
  } catch (fault) {
    const code = codeOf(fault)
    throw Object.assign(new Error(`cannot write "${text}" to ${path}: ${code}`, { cause: fault }), { code })
  } finally {
    if (fd !== null) closeSync(fd)
  }
}

/** Sends SIGKILL. Whether the process was still there. */
export const killProcess = (pid: number): boolean => {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}

/** Ids of the processes that are in this group itself. */
export const processesIn = (directory: string): number[] => {
  try {
    return readFileSync(join(directory, 'cgroup.procs'), 'latin1')
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 0) // 0: a process this pid namespace cannot see
  } catch (fault) {
    if (isGone(fault)) return []
    throw fault
  }
}

/**
 * Removes the directories in this order. A killed process stays in its group until it has let go of its memory, so EBUSY
 * is met with patience, and with `kill` again, for what was forked while the first kill went round.
 */
export const removeDirectories = async (directories: readonly string[], kill: () => void): Promise<void> => {
  const giveUpAtMs = performance.now() + REMOVE_WITHIN_MS
  let pauseMs = PAUSE_FIRST_MS
  for (const directory of directories) {
    while (!removed(directory)) {
      if (performance.now() > giveUpAtMs) {
        const pids = processesIn(directory)
        throw new Error(
          `control group ${directory} is still busy after ${REMOVE_WITHIN_MS} ms; processes: ${pids.join(', ')}`,
        )
      }
      kill()
      await sleep(pauseMs)
      pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)
    }
  }
}

const removed = (directory: string): boolean => {
  try {
    rmdirSync(directory)
    return true
  } catch (fault) {
    if (isGone(fault)) return true
    if (codeOf(fault) === 'EBUSY') return false
    throw fault
  }
}

/** ENODEV is what reading a file of a group answers while the group is being removed. */
export const isGone = (fault: unknown): boolean => ['ENOENT', 'ENODEV'].includes(codeOf(fault))

export const codeOf = (fault: unknown): string => (fault as NodeJS.ErrnoException)?.code ?? ''
