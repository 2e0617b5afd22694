// `npm test [-- filter...]`: installs what is missing, checks, builds, runs every test, and closes with one line that is
// counted from the runners' own reports. With a filter only the tests whose path matches run, without the checks.
// `--node 20,22,24` runs the same under each of these versions of Node, fetching those that are not here.

import './support/require-node.mjs'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { check } from './check.mjs'
import { ensureBuilt } from './support/build.mjs'
import { ensurePackages, npm } from './support/packages.mjs'
import { run, runShown, say } from './support/progress.mjs'
import { root } from './support/root.mjs'
import { countTests, isComplete, skippedTests } from './support/test-count.mjs'
import { ensureSystemPackages } from './system-packages.mjs'

/** @typedef {import('./support/test-count.mjs').Count} Count */

const onCi = !['', '0', 'false', undefined].includes(process.env.CI)
const { values: options, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: {
    node: { type: 'string' },
    /** For the runs below `--node`: where to leave the count, and not to check the same sources again. */
    report: { type: 'string' },
    'no-check': { type: 'boolean', default: false },
  },
})

/** @type {Count} */
let count
try {
  count = options.node === undefined ? await runHere() : await runUnder(options.node.split(','))
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  count = { passed: 0, failed: 1, skipped: 0 }
}
if (options.report !== undefined) writeFileSync(options.report, JSON.stringify(count))
process.exitCode = isComplete(count) ? 0 : 1
process.stdout.write(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`)

async function runHere() {
  say(`Node ${process.versions.node}`)
  const lacking = await ensureSystemPackages('test')
  if (lacking.length > 0 && onCi) {
    throw new Error(
      `CI must have ${lacking.map((item) => item.command).join(', ')}: without them tests would be skipped`,
    )
  }
  await ensurePackages({ dev: true })
  const total = { passed: 0, failed: 0, skipped: 0 }
  if (filters.length === 0 && !options['no-check']) add(total, { ...(await check()), skipped: 0 })
  await ensureBuilt()
  add(total, await runVitest())
  return total
}

/** @returns {Promise<Count>} */
async function runVitest() {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-report-'))
  const report = join(folder, 'vitest.json')
  try {
    const program = join(root, 'node_modules/vitest/vitest.mjs')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const exitCode = await runShown(process.execPath, [program, 'run', ...reporters, ...filters], { cwd: root })
    const results = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null
    for (const name of results === null ? [] : skippedTests(results)) say(`skipped ${name.replace(`${root}/`, '')}`)
    return countTests(results, exitCode)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** @param {string[]} versions @returns {Promise<Count>} */
async function runUnder(versions) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  const folder = mkdtempSync(join(tmpdir(), 'hearth-report-'))
  const results = []
  for (const [index, version] of versions.entries()) {
    const program = await nodeProgram(version.trim())
    const report = join(folder, `${index}.json`)
    const args = [...(index > 0 ? ['--no-check'] : []), '--report', report, '--', ...filters]
    const env = { ...process.env, PATH: [dirname(program), process.env.PATH].join(delimiter) }
    await runShown(program, [fileURLToPath(import.meta.url), ...args], { cwd: root, env })
    const count = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { passed: 0, failed: 1, skipped: 0 }
    results.push(`Node ${version}: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
    add(total, count)
  }
  rmSync(folder, { recursive: true })
  process.stdout.write(`${results.join('\n')}\n`)
  return total
}

/** This Node, or one from npm, kept outside of the clone. @param {string} major @returns {Promise<string>} */
async function nodeProgram(major) {
  if (!/^\d+$/.test(major)) throw new Error(`--node takes major versions such as 22, not "${major}"`)
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath
  const name = `node-${process.platform}-${process.arch}`
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'hearth', `${name}-${major}`)
  const program = join(folder, 'node_modules', name, 'bin/node')
  if (!existsSync(program)) {
    say(`fetching Node ${major}`)
    const [command, ...args] = npm()
    const install = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', `${name}@${major}`]
    await run(command, [...args, ...install], { cwd: tmpdir(), doing: `fetching Node ${major}` })
  }
  return program
}

/** @param {Count} total @param {Count} more */
function add(total, more) {
  total.passed += more.passed
  total.failed += more.failed
  total.skipped += more.skipped
}
