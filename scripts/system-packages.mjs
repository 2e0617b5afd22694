// Everything Hearth uses that npm cannot bring: one list, with the reason for each. Debian's names.

import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run, say } from './support/progress.mjs'

/**
 * @typedef {{ command: string, package: string, why: string, for: 'start' | 'test' }} SystemPackage
 * @type {readonly SystemPackage[]}
 */
export const SYSTEM_PACKAGES = [
  {
    command: 'python3',
    package: 'python3',
    why: 'builds the walls around functions, and runs Python ones',
    for: 'start',
  },
  { command: 'ip', package: 'iproute2', why: 'network links of functions that ask for one', for: 'test' },
  {
    command: 'nft',
    package: 'nftables',
    why: 'keeps those functions away from the host and its neighbours',
    for: 'test',
  },
  { command: 'wrk', package: 'wrk', why: 'makes the load in benchmarks', for: 'test' },
]

/**
 * Installs what is missing where that can be done without asking (Debian, as root), after saying so.
 * @param {'start' | 'test'} purpose tests need what a start needs, and more
 * @returns {Promise<SystemPackage[]>} what is still missing
 */
export async function ensureSystemPackages(purpose) {
  const wanted = SYSTEM_PACKAGES.filter((item) => purpose === 'test' || item.for === 'start')
  const missing = wanted.filter((item) => !isOnPath(item.command))
  if (missing.length === 0) return []
  const names = missing.map((item) => item.package)
  for (const item of missing) say(`${item.command} is not here (${item.why})`)
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    say(`install by hand what you need: ${names.join(' ')}`)
    return missing
  }
  say(`installing Debian packages: ${names.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  try {
    const install = ['install', '--yes', '--no-install-recommends', ...names]
    // The lists may be older than what the mirrors still hold, or absent.
    await run('apt-get', ['update', '--quiet'], { env, doing: "reading Debian's lists" })
    await run('apt-get', install, { env, doing: 'installing Debian packages' })
  } catch (error) {
    say(`Debian packages could not be installed: ${error instanceof Error ? error.message : error}`)
  }
  return missing.filter((item) => !isOnPath(item.command))
}

/** @param {string} command */
function isOnPath(command) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
