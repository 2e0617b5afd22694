// `doctor` beside a running server of the same data folder.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { HearthProcess } from '../support/hearth-process.ts'
import { expectNothingLeft, remainsOf } from '../support/leak-check.ts'

const main = fileURLToPath(new URL('../../packages/server/dist/main.js', import.meta.url))
const run = promisify(execFile)

let hearth: HearthProcess
beforeAll(async () => {
  hearth = await HearthProcess.start()
})
afterAll(async () => {
  await hearth.remove()
  await expectNothingLeft(hearth.dataDir)
})

const doctor = async (...args: string[]): Promise<string> => {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, HEARTH_DATA_DIR: hearth.dataDir }
  return (await run(process.execPath, [main, 'doctor', ...args], { env })).stdout
}

it('says what can be had here and what not, and why', async () => {
  const { automatic, drivers, runtimes } = JSON.parse(await doctor('--json'))
  expect(automatic).toBe(hearth.ready.isolation)
  for (const { available, reason } of drivers) expect(available || reason.length > 10).toBe(true)
  expect(runtimes.length).toBeGreaterThan(0)
  expect(await doctor()).toContain('automatic choice')
})

it('leaves a running server and its sandboxes alone', async () => {
  await hearth.deploy({
    name: 'keeps',
    language: 'python',
    code: 'calls = 0\ndef handler(event, context):\n    global calls\n    calls += 1\n    return calls\n',
  })
  expect((await hearth.invoke('keeps')).body).toBe(1)
  const before = remainsOf(hearth.dataDir).cgroups
  await doctor()
  // There may be more: the pool boots a replacement for what the call took.
  expect(remainsOf(hearth.dataDir).cgroups).toBeGreaterThanOrEqual(before)
  expect((await hearth.invoke('keeps')).body).toBe(2)
})
