// `npm run bench`: runs the cases one after another, prints tables of ratios, writes bench/results/latest.json.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { cold } from './cases/cold.mjs'
import { memory } from './cases/memory.mjs'
import { start } from './cases/start.mjs'
import { warm } from './cases/warm.mjs'

const cases = { warm, cold, memory, start }
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(cases).join(',') },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
  },
})
const wanted = values.only.split(',')
const unknown = wanted.filter((name) => cases[name] === undefined)
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}; there are ${Object.keys(cases).join(', ')}.`)
  process.exit(2)
}

const here = new URL('.', import.meta.url)
execFileSync('npx', ['tsc', '-b'], { cwd: new URL('..', here), stdio: ['ignore', 'inherit', 'inherit'] })
const report = {
  at: new Date().toISOString(),
  machine: {
    processor: cpus()[0]?.model,
    processors: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  },
  cases: {},
}
for (const name of wanted) {
  console.error(`measuring: ${name}`)
  const { title, results, text } = await cases[name]({ rounds: Number(values.rounds), seconds: Number(values.seconds) })
  report.cases[name] = results
  console.log(`\n### ${title}\n\n${text}`)
}
mkdirSync(new URL('results/', here), { recursive: true })
writeFileSync(new URL('results/latest.json', here), `${JSON.stringify(report, null, 2)}\n`)
