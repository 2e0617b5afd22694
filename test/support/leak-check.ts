// What of a Hearth is still on this machine: its processes, control groups, mounts, links, sockets and folders. Suites
// call `expectNothingLeft` when they are done, so that a leak fails the test that caused it.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect } from 'vitest'
import { detectCgroups } from '../../packages/server/src/lib/cgroup/detect-cgroups.ts'

export interface Remains {
  readonly processes: number
  readonly cgroups: number
  readonly mounts: number
  /** Network links and packet filters. */
  readonly links: number
  readonly sockets: number
  /** Folders of server lives and what else lies in `run/`. */
  readonly folders: number
  /** Each of them in words, for the message of a failing test. */
  readonly found: readonly string[]
}

/** What a Hearth calls its things by: the tag outside of its folder, the folder's real path inside. */
export interface Owner {
  readonly ownerTag: string
  readonly folder: string
}

/** The folder may be gone already; things named after it may not be. */
export const ownerOf = (dataDir: string): Owner => {
  const folder = join(realpathSync(dirname(dataDir)), basename(dataDir))
  return { folder, ownerTag: createHash('sha256').update(folder).digest('hex').slice(0, 8) }
}

export const remainsOf = (place: string | Owner): Remains => {
  const owner = typeof place === 'string' ? ownerOf(place) : place
  const processes = processesOf(owner)
  const cgroups = cgroupsOf(owner)
  const mounts = linesWith('/proc/self/mountinfo', owner.folder)
  const links = [...linksOf(owner), ...filtersOf(owner)]
  const sockets = linesWith('/proc/net/unix', owner.folder)
  const folders = entries(join(owner.folder, 'run'))
  return {
    processes: processes.length,
    cgroups: cgroups.length,
    mounts: mounts.length,
    links: links.length,
    sockets: sockets.length,
    folders: folders.length,
    found: [
      ...processes.map((each) => `process ${each}`),
      ...cgroups.map((each) => `cgroup ${each}`),
      ...mounts.map((each) => `mount ${each}`),
      ...links.map((each) => `link ${each}`),
      ...sockets.map((each) => `socket ${each}`),
      ...folders.map((each) => `folder run/${each}`),
    ],
  }
}

const TRIES = 200
const PAUSE_MS = 25

/**
 * Fails unless nothing is left. What was killed may take a moment to be gone, so it looks more than once; it is only
 * patient with what is going away by itself, for it does nothing to help.
 */
export const expectNothingLeft = async (place: string | Owner): Promise<void> => {
  for (let tries = 0; tries < TRIES && remainsOf(place).found.length > 0; tries++) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  expect(remainsOf(place).found).toEqual([])
}

/** Those in its control groups, and those that run from, in or with its folder. A zombie is gone. */
const processesOf = ({ ownerTag, folder }: Owner): string[] => {
  const groups = new RegExp(`/hearth/${ownerTag}[-/\\n]`)
  return entries('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return []
    if (/^State:\s+[ZX]/m.test(read(`/proc/${pid}/status`))) return []
    const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
    const marks = [command, link(`/proc/${pid}/cwd`), read(`/proc/${pid}/environ`), read(`/proc/${pid}/mountinfo`)]
    const isTheirs = groups.test(read(`/proc/${pid}/cgroup`)) || marks.some((mark) => mark.includes(folder))
    return isTheirs ? [`${pid}: ${command.slice(0, 200)}`] : []
  })
}

/** Drivers that share a machine may give the tag an ending of their own. */
const cgroupsOf = ({ ownerTag }: Owner): string[] => {
  const { host } = detectCgroups()
  if (host === null) return []
  const groups = host.list('hearth')
  const isTheirs = new RegExp(`^hearth/${ownerTag}(-[a-z]+)?(/|$)`)
  return groups.filter((name) => isTheirs.test(name))
}

const linksOf = ({ ownerTag }: Owner): string[] =>
  entries('/sys/class/net').filter((name) => name.startsWith(`h${ownerTag}-`))

const filtersOf = ({ ownerTag }: Owner): string[] => {
  try {
    const tables = execFileSync('nft', ['list', 'tables'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return tables.split('\n').filter((line) => line.includes(`hearth_${ownerTag}`))
  } catch {
    return [] // without the tool, or the right to use it, no filter was made
  }
}

const linesWith = (file: string, text: string): string[] => {
  const marked = new RegExp(`${text.replace(/[^\w/-]/g, '\\$&')}(/|\\s|$)`)
  return read(file)
    .split('\n')
    .filter((line) => marked.test(line))
}

const read = (file: string): string => {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return '' // ended meanwhile, or not ours to read
  }
}

const link = (file: string): string => {
  try {
    return readlinkSync(file)
  } catch {
    return ''
  }
}

const entries = (folder: string): string[] => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
