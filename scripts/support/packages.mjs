// Installs npm packages, only when some are missing. What is there is read from npm's own record of the last install,
// so an `npm install` by hand counts as well. No package is compiled, so it does not matter which Node installed them.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { exclusively } from './exclusive.mjs'
import { CommandFailed, run, say } from './progress.mjs'
import { root } from './root.mjs'

/**
 * @typedef {{ version?: string, integrity?: string, link?: boolean, dev?: boolean, optional?: boolean,
 *   devOptional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} LockedPackage
 * @typedef {Record<string, LockedPackage>} Lock
 */

/** @param {{ dev: boolean }} wanted whether packages for tests and checks are wanted beside those for running */
export async function ensurePackages({ dev }) {
  if (missing({ dev }).length === 0) return
  await exclusively(
    async () => {
      // Another process may have done it meanwhile.
      const count = missing({ dev }).length
      if (count > 0) await install({ dev, count })
    },
    () => say('another process is installing packages in this folder; waiting for it'),
  )
}

/** @param {{ dev: boolean, count: number }} wanted */
async function install({ dev, count }) {
  say(`installing ${count} npm packages${dev ? '' : ' (those for tests come with npm test)'}`)
  // Not `npm ci`: a started server may be running from a folder that is to be completed, not emptied; and `ci` refuses a
  // lock file that leaves out packages for other platforms. `--no-save` keeps npm from rewriting the lock file.
  const [command, ...args] = npm()
  const scope = dev ? ['--include=dev'] : ['--omit=dev']
  const manners = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
  try {
    await run(command, [...args, 'install', '--no-save', ...scope, ...manners], {
      cwd: root,
      doing: 'installing npm packages',
    })
  } catch (error) {
    const output = error instanceof CommandFailed ? error.output : String(error)
    throw new Error(`npm could not install the packages. Is the npm registry reachable from here?\n${output.trimEnd()}`)
  }
  const left = missing({ dev })
  if (left.length > 0) throw new Error(`npm finished, but these packages are still missing: ${left.join(', ')}`)
  say('npm packages installed')
}

/** @param {{ dev: boolean }} wanted */
function missing({ dev }) {
  const wanted = readLock(join(root, 'package-lock.json'))
  const record = join(root, 'node_modules/.package-lock.json')
  return missingPackages(wanted, existsSync(record) ? readLock(record) : {}, { dev, ...thisPlatform() })
}

/**
 * The packages of `wanted` that `installed` lacks or has in another version.
 * @param {Lock} wanted
 * @param {Lock} installed
 * @param {{ dev: boolean, os: string, cpu: string, libc: string | null }} place
 * @returns {string[]}
 */
export function missingPackages(wanted, installed, { dev, os, cpu, libc }) {
  return Object.entries(wanted)
    .filter(([path, entry]) => {
      if (!path.includes('node_modules/')) return false
      if (entry.dev && !dev) return false
      const fits = allows(entry.os, os) && allows(entry.cpu, cpu) && (libc === null || allows(entry.libc, libc))
      // An optional package without a platform of its own is one that hangs below such a package.
      const optional = entry.optional || entry.devOptional
      if (optional && (!fits || !(entry.os ?? entry.cpu ?? entry.libc))) return false
      const found = installed[path]
      return found === undefined || found.version !== entry.version || found.integrity !== entry.integrity
    })
    .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
}

/** @param {readonly string[] | undefined} list as in package.json: names, or `!name` for all others @param {string} name */
function allows(list, name) {
  if (list === undefined || list.includes('any')) return true
  if (list.includes(`!${name}`)) return false
  return list.includes(name) || list.some((item) => item.startsWith('!'))
}

function thisPlatform() {
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport())
  const libc = process.platform !== 'linux' ? null : header.glibcVersionRuntime ? 'glibc' : 'musl'
  return { os: process.platform, cpu: process.arch, libc }
}

/** @param {string} path @returns {Lock} */
function readLock(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages
}

/** The npm that runs this script, or the one on the path. @returns {[string, ...string[]]} */
export function npm() {
  const program = process.env.npm_execpath
  return program?.endsWith('.js') ? [process.execPath, program] : ['npm']
}
