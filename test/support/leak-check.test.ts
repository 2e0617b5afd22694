import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { detectCgroups } from '../../packages/server/src/lib/cgroup/detect-cgroups.ts'
import { expectNothingLeft, ownerOf, remainsOf } from './leak-check.ts'
import { skipFor } from './skip.ts'

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'hearth leaks '))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

test('finds nothing where nothing is, also when the folder is gone', async () => {
  await expectNothingLeft(dataDir)
  rmSync(dataDir, { recursive: true })
  await expectNothingLeft(dataDir)
})

test('finds a process that only works in the folder, until it has ended', async () => {
  mkdirSync(join(dataDir, 'run'))
  const child = spawn('/bin/sleep', ['1000'], { cwd: join(dataDir, 'run'), env: {}, stdio: 'ignore' })
  await once(child, 'spawn')
  expect(remainsOf(dataDir)).toMatchObject({ processes: 1, found: [expect.stringContaining('sleep 1000')] })
  child.kill('SIGKILL')
  await expectNothingLeft(dataDir)
})

test('finds the folder of a dead server, and a socket', async () => {
  const folder = join(dataDir, 'run', '0123456789ab')
  mkdirSync(folder, { recursive: true })
  const server = createServer().listen(join(folder, 'door.sock'))
  await once(server, 'listening')
  expect(remainsOf(dataDir)).toMatchObject({ folders: 1, sockets: 1 })
  server.close()
  rmSync(folder, { recursive: true })
  await expectNothingLeft(dataDir)
})

const { host, reason } = detectCgroups()
test.skipIf(skipFor(reason))('finds a control group and who is in it', async () => {
  const limits = { memoryBytes: 2 ** 28, cpus: 1, processes: 8 }
  const prefix = `hearth/${ownerOf(dataDir).ownerTag}`
  const group = host?.create(`${prefix}/forgotten`, limits)
  const join = group?.joinFiles.map((file) => `echo 0 > ${file}`).join(' && ')
  const child = spawn('/bin/sh', ['-c', `${join} && echo in && exec sleep 1000`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(child.stdout, 'data')
  expect(remainsOf(dataDir)).toMatchObject({ processes: 1, cgroups: 2 })
  await host?.removeTree(prefix)
  await group?.remove()
  await expectNothingLeft(dataDir)
})
