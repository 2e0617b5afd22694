// Imports point inward (to `domain`), downward (`api -> catalog`, `gateway -> invoke -> scheduler -> session`), never
// sideways. This file is the list of arrows there are; `npm run check` finds every import that is none of them.

import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/**
 * A place and what it may import, beside itself. `node` is any of Node's own modules, `npm` any package of another
 * maker; the rest are places: folders or root files of the server, or packages.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const ARROWS = {
  protocol: [],
  lib: ['node', 'npm'],
  domain: ['protocol'],

  session: ['domain', 'lib', 'protocol', 'node', 'npm'],
  scheduler: ['session', 'domain', 'lib', 'protocol', 'node', 'npm'],
  invoke: ['scheduler', 'domain', 'lib', 'protocol', 'node', 'npm'],
  catalog: ['domain', 'lib', 'protocol', 'node', 'npm'],
  http: ['domain', 'lib', 'protocol', 'node', 'npm'],
  api: ['catalog', 'http', 'invoke', 'domain', 'lib', 'protocol', 'node', 'npm'],
  gateway: ['invoke', 'catalog', 'http', 'domain', 'lib', 'protocol', 'node', 'npm'],

  drivers: ['domain', 'lib', 'protocol', 'node', 'npm'],
  images: ['domain', 'lib', 'protocol', 'node', 'npm'],
  store: ['domain', 'lib', 'protocol', 'node', 'npm'],
  artifacts: ['domain', 'lib', 'protocol', 'node', 'npm'],
  telemetry: ['domain', 'lib', 'protocol', 'node', 'npm'],

  settings: ['protocol', 'node'],
  'settings-text': ['settings'],
  config: ['settings', 'lib', 'protocol', 'node'],
  version: ['node'],
  doctor: ['hearth', 'config', 'domain', 'lib', 'protocol', 'node', 'npm'],
  main: ['hearth', 'config', 'doctor', 'settings-text', 'version', 'domain', 'lib', 'node', 'npm'],
  cli: ['protocol', 'node', 'npm'],
}

/** The composition root names everything; it hands the rest what they need. */
const ROOT = 'hearth'
const RIM = ['drivers', 'images', 'store', 'artifacts', 'telemetry']
/** Modules that a place may import the types of: a port may speak of a stream without being able to open one. */
const TYPES_ONLY = new Map([['domain', ['node:stream']]])

/**
 * @param {string} root folder that holds `packages/`
 * @returns {string[]} one message for each import that is not allowed, in the order of the files
 */
export function findBreaches(root) {
  return sourceFiles(root).flatMap((file) => {
    const from = placeOf(file)
    return importsOf(readFileSync(join(root, file), 'utf8')).flatMap(({ specifier, typeOnly, line }) => {
      const fault = judge(from, file, specifier, typeOnly)
      return fault === null ? [] : [`${file}:${line} imports ${specifier}: ${fault}`]
    })
  })
}

/** @param {string} from @param {string} file @param {string} specifier @param {boolean} typeOnly @returns {string | null} */
function judge(from, file, specifier, typeOnly) {
  const to = targetOf(file, specifier)
  if (to === from || from === ROOT) return null
  const allowed = ARROWS[from]
  if (allowed === undefined) return `"${from}" is no known place; add it to the arrows in scripts/import-rule.mjs`
  if (allowed.includes(to)) return null
  if (typeOnly && TYPES_ONLY.get(from)?.includes(specifier)) return null
  if (RIM.includes(to)) {
    return `only hearth.ts and tests name the rim (${RIM.join(', ')}). Describe what ${from} needs as a port in domain/ and let hearth.ts hand it in`
  }
  const places = allowed.length === 0 ? 'nothing' : `only ${allowed.join(', ')}`
  return `${from} may import ${places}. Imports point inward or downward; move what both need to domain/ or lib/, or let hearth.ts hand it in`
}

/** @param {string} file @param {string} specifier @returns {string} */
function targetOf(file, specifier) {
  if (specifier.startsWith('.')) return placeOf(posix.join(posix.dirname(file), specifier))
  if (specifier.startsWith('node:')) return 'node'
  return /^@hearth\/([^/]+)/.exec(specifier)?.[1] ?? 'npm'
}

/** `packages/server/src/http/reply.ts` is in `http`, `packages/server/src/config.ts` is `config`. @param {string} path */
function placeOf(path) {
  const [, name = '', source, ...below] = path.split('/')
  if (name !== 'server') return name
  if (source !== 'src') return path
  return (below[0] ?? '').replace(/\.[a-z]+$/, '')
}

/**
 * @param {string} source
 * @returns {{ specifier: string, typeOnly: boolean, line: number }[]}
 */
export function importsOf(source) {
  // Comments become blanks of the same length, so that lines keep their numbers.
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, ' '))
  const statement = /^[ \t]*(?:import|export)\s+(type\s)?(?:[\w*{][^'";]*?\sfrom\s*)?['"]([^'"]+)['"]/gm
  const dynamic = /\bimport\(\s*['"]([^'"]+)['"]/g
  const found = [
    ...[...code.matchAll(statement)].map((match) => ({ match, specifier: match[2], typeOnly: match[1] !== undefined })),
    ...[...code.matchAll(dynamic)].map((match) => ({ match, specifier: match[1], typeOnly: false })),
  ]
  return found
    .sort((a, b) => a.match.index - b.match.index)
    .map(({ match, specifier = '', typeOnly }) => {
      const end = match.index + match[0].length
      return { specifier, typeOnly, line: code.slice(0, end).split('\n').length }
    })
}

/** @param {string} root @returns {string[]} */
function sourceFiles(root) {
  return ['protocol', 'server', 'cli'].flatMap((name) =>
    readdirSync(join(root, 'packages', name, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.[jt]s$/.test(path) && !/\.(test|contract)\.ts$/.test(path))
      .sort()
      .map((path) => posix.join('packages', name, 'src', path)),
  )
}
