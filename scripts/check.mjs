// `npm run check`: everything that can be said about the sources without running them. One line for each step; a step
// that fails prints what it found. `npm test` runs the same steps first.

import './support/require-node.mjs'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { findBreaches } from './import-rule.mjs'
import { ensurePackages } from './support/packages.mjs'
import { CommandFailed, run, say } from './support/progress.mjs'
import { root } from './support/root.mjs'

/** @typedef {{ name: string, work: () => Promise<unknown> }} Step */

/** @type {readonly Step[]} */
const STEPS = [
  { name: 'format and lint', work: () => tool('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.') },
  { name: 'import rule', work: checkImports },
  { name: 'types of the sources', work: () => tool('typescript/bin/tsc', '-b') },
  { name: 'types of tests and scripts', work: () => tool('typescript/bin/tsc', '-p', 'tsconfig.test.json') },
  { name: 'dead code', work: () => tool('knip/bin/knip.js') },
  { name: 'Python syntax, oldest Python here', work: checkPython },
]

/** @returns {Promise<{ passed: number, failed: number }>} */
export async function check() {
  const count = { passed: 0, failed: 0 }
  for (const { name, work } of STEPS) {
    const start = performance.now()
    try {
      await work()
      count.passed += 1
      say(`ok      ${name} (${((performance.now() - start) / 1_000).toFixed(1)} s)`)
    } catch (error) {
      count.failed += 1
      say(`FAILED  ${name}`)
      process.stderr.write(
        `${error instanceof CommandFailed ? error.output : error instanceof Error ? error.message : error}\n`,
      )
    }
  }
  return count
}

/** @param {string} program in node_modules @param {string[]} args */
function tool(program, ...args) {
  return run(process.execPath, [join(root, 'node_modules', program), ...args], { cwd: root })
}

async function checkImports() {
  const breaches = findBreaches(root)
  if (breaches.length > 0) throw new Error(breaches.join('\n'))
}

/** Users bring their own Python, so what runs inside sandboxes must not use what only a new one understands. */
async function checkPython() {
  const python = await oldestPython()
  const files = readdirSync(join(root, 'packages'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.py') && !path.includes('node_modules'))
    .map((path) => join(root, 'packages', path))
  // Parsed, not compiled: nothing is written beside the sources.
  const parse = 'import ast, sys\nfor path in sys.argv[1:]: ast.parse(open(path, "rb").read(), path)'
  await run(python, ['-c', parse, ...files], { cwd: root })
}

/** The oldest that really runs: version managers leave names on the path behind which there is nothing. */
async function oldestPython() {
  for (const name of ['python3.8', 'python3.9', 'python3.10', 'python3.11', 'python3.12', 'python3']) {
    if (await answers(name)) return name
  }
  throw new Error('there is no python3 here; install it (on Debian: apt-get install python3)')
}

/** @param {string} python */
async function answers(python) {
  return run(python, ['-c', 'pass']).then(
    () => true,
    () => false,
  )
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await ensurePackages({ dev: true })
  const { passed, failed } = await check()
  process.stderr.write(`${passed} passed, ${failed} failed\n`)
  process.exitCode = failed === 0 ? 0 : 1
}
