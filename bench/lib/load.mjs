// Drives load with wrk, one thread, and reads what it measured.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const script = fileURLToPath(new URL('./post.lua', import.meta.url))
const run = promisify(execFile)

/** @returns {Promise<{ rps: number, p50Us: number, p99Us: number, errors: number }>} */
export async function load(url, { connections, seconds, key }) {
  const env = { PATH: process.env.PATH, ...(key === undefined ? {} : { BENCH_KEY: key }) }
  const { stdout } = await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url], { env })
  const found = /RESULT (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(stdout)
  if (found === null) throw new Error(`wrk said something unexpected:\n${stdout}`)
  const [count, durationUs, p50Us, p99Us, errors] = found.slice(1).map(Number)
  return { rps: count / (durationUs / 1e6), p50Us, p99Us, errors }
}

/** Runs the reference, then each target, round by round; every target is paired with the reference run before it. */
export async function paired(reference, targets, { rounds, connections, seconds }) {
  const rows = new Map(targets.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const target of targets) {
      const base = await load(reference, { connections, seconds })
      const run = await load(target.url, { connections, seconds, key: target.key })
      rows.get(target.name).push({ ...run, base, ratio: run.rps / base.rps, addedUs: run.p50Us - base.p50Us })
    }
  }
  return rows
}
