// First call of a new function: fresh sandbox, and generic sandbox from the pool, beside a fresh interpreter and,
// where an engine runs, `docker run`.
import { execFileSync, spawn } from 'node:child_process'
import { source, startHearth, timings } from '../lib/hearth.mjs'
import { median, round, table } from '../lib/stats.mjs'

const languages = [
  { language: 'python', file: 'echo.py', fresh: ['python3', ['-I', '-c', 'import json; print(json.dumps({}))']] },
  { language: 'javascript', file: 'echo.mjs', fresh: [process.execPath, ['-e', 'console.log(JSON.stringify({}))']] },
]

export async function cold({ rounds }) {
  const results = []
  const counts = Math.max(10, rounds * 2)
  for (const poolSize of [0, 1]) {
    const hearth = await startHearth({ HEARTH_POOL_SIZE: String(poolSize) })
    try {
      for (const { language, file, fresh } of languages) {
        const runtimes = (await hearth.api('GET', '/runtimes')).body
        const interpreter = (runtimes.items ?? runtimes).find((runtime) =>
          runtime.aliases.includes(language),
        ).interpreter
        const starts = []
        const references = []
        for (let count = 0; count < counts; count += 1) {
          const name = `cold-${language}-${count}`
          await hearth.deploy({ name, runtime: language, code: source(file), memory: 1769 })
          // Time for the pool to refill: what is measured is a hit, not the race.
          if (poolSize > 0) await new Promise((resolve) => setTimeout(resolve, 400))
          references.push(await milliseconds(() => runOnce(interpreter, fresh[1])))
          const began = performance.now()
          const { headers } = await hearth.invoke(name)
          const wholeMs = performance.now() - began
          starts.push({ wholeMs, start: headers.get('x-hearth-start'), ...timings(headers) })
          // Its instance would keep its share of the machine, and the pool would find none left.
          await hearth.api('DELETE', `/functions/${name}`)
        }
        const kept = starts.filter(({ start }) => start === (poolSize > 0 ? 'pool' : 'cold'))
        results.push({
          language,
          start: poolSize > 0 ? 'pool hit' : 'cold',
          counted: kept.length,
          wholeMs: round(median(kept.map(({ wholeMs }) => wholeMs))),
          initMs: round(median(kept.map(({ init }) => init))),
          freshInterpreterMs: round(median(references)),
          vsFresh: round(median(kept.map(({ wholeMs }) => wholeMs)) / median(references)),
        })
      }
    } finally {
      await hearth.remove()
    }
  }
  const head = ['language', 'start', 'whole call ms', 'of it init ms', 'fresh interpreter ms', 'vs fresh', 'calls']
  const rows = results.map((r) => [
    r.language,
    r.start,
    r.wholeMs,
    r.initMs,
    r.freshInterpreterMs,
    `${r.vsFresh}x`,
    r.counted,
  ])
  const note = dockerRuns() ? '' : '\n\n`docker run`: no engine here, not measured.'
  return { title: 'First call of a new function', results, text: table(head, rows) + note }
}

async function milliseconds(work) {
  const began = performance.now()
  await work()
  return performance.now() - began
}

const runOnce = (command, args) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'ignore', env: { PATH: '/usr/bin:/bin' } })
    child.once('exit', resolve)
    child.once('error', reject)
  })

function dockerRuns() {
  try {
    execFileSync('docker', ['info'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
