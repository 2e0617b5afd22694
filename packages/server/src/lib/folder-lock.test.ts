import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { lockFolder } from './folder-lock.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearth-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('gives the folder to one holder at a time, by any of its names', async () => {
  const link = join(folder, 'link')
  symlinkSync(folder, link)
  const first = await lockFolder(folder)
  expect(first).not.toBeNull()
  expect(await lockFolder(link)).toBeNull()
  await first?.release()
  const second = await lockFolder(folder)
  expect(second).not.toBeNull()
  await second?.release()
})

it('is free again as soon as a killed holder is gone', async () => {
  const program = `
    const { createHash } = require('node:crypto')
    const name = createHash('sha256').update(require('node:fs').realpathSync(process.argv[1])).digest('hex')
    require('node:net').createServer().listen('\\0hearth-' + name, () => console.log('locked'))`
  const holder = spawn(process.execPath, ['-e', program, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  expect(await lockFolder(folder)).toBeNull()
  const gone = new Promise((resolve) => holder.once('exit', resolve))
  holder.kill('SIGKILL')
  await gone
  const lock = await lockFolder(folder)
  expect(lock).not.toBeNull()
  await lock?.release()
})
