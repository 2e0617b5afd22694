// P-DUR-1 for store and artifacts: kill -9 at any moment, the first start and its migrations included, loses nothing
// that was acknowledged and leaves nothing half. HEARTH_KILL_ROUNDS raises the number of rounds.

import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { disk, removeTree } from '../../src/artifacts/disk.js'
import { FileArtifactStore } from '../../src/artifacts/file-artifact-store.ts'
import { chooseBackend, openSqlite } from '../../src/store/sqlite/sqlite-backend.js'
import { SqliteStore } from '../../src/store/sqlite/sqlite-store.ts'

const rounds = Number(process.env.HEARTH_KILL_ROUNDS ?? 20)
const childProgram = fileURLToPath(new URL('deploying-child.mjs', import.meta.url))

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearth-kill-'))
})
afterEach(() => removeTree(disk, folder))

interface Deploy {
  readonly name: string
  readonly number: number
  readonly sha256: string
}

/** Runs the child until it is killed; resolves with what it was promised. */
async function runAndKill(afterMs: number, counting: 'start' | 'ready'): Promise<string[]> {
  const child = spawn(process.execPath, [childProgram, folder], { stdio: ['ignore', 'pipe', 'pipe'] })
  let told = ''
  let complaints = ''
  const kill = (): void => void setTimeout(() => child.kill('SIGKILL'), afterMs)
  if (counting === 'start') kill()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (told === '' && counting === 'ready') kill()
    told += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  const [, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.once('close', (...end) => resolve(end)),
  )
  expect(signal, complaints).toBe('SIGKILL')
  // The last line may be cut off; then it was never said.
  return told.split('\n').slice(0, -1)
}

it(`keeps all it acknowledged, whole, over ${rounds} kills`, { timeout: 60_000 + rounds * 5_000 }, async () => {
  let seed = 7
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((seed / 2_147_483_648) * below)
  }
  const deploys = new Map<string, Deploy>()
  const calls: string[] = []
  for (let round = 0; round < rounds; round += 1) {
    const lines = await runAndKill(random(round % 3 === 0 ? 300 : 500), round % 3 === 0 ? 'start' : 'ready')
    for (const line of lines.filter((one) => one !== 'ready')) {
      const promise = JSON.parse(line) as Deploy | { requestId: string }
      if ('requestId' in promise) calls.push(promise.requestId)
      else deploys.set(promise.name, promise)
    }
    await expectAllKept(deploys, calls)
  }
  expect(deploys.size).toBeGreaterThan(0)
  expect(calls.length).toBeGreaterThan(rounds)
})

async function expectAllKept(deploys: ReadonlyMap<string, Deploy>, calls: readonly string[]): Promise<void> {
  const path = join(folder, 'hearth.db')
  const store = new SqliteStore({ path })
  const artifacts = new FileArtifactStore({ dir: join(folder, 'code') })
  await store.open()
  try {
    const kept = new Map((await store.functions.all()).map((record) => [record.name, record]))
    for (const { name, number, sha256 } of deploys.values()) {
      const latest = kept.get(name)?.latest
      // One more may have been committed without anybody hearing of it.
      expect(latest?.number, name).toBeGreaterThanOrEqual(number)
      if (latest?.number === number) expect(latest.config.code.sha256).toBe(sha256)
    }
    for (const { latest } of kept.values()) {
      const code = await artifacts.directory(latest.config.code.sha256)
      expect(readFileSync(join(code, 'main.py'), 'utf8')).toBe(latest.config.code.inline)
    }
    const known = new Set<string>()
    await store.invocations.scan(0, (records) => {
      for (const { requestId } of records) known.add(requestId)
    })
    expect(calls.filter((requestId) => !known.has(requestId))).toEqual([])
    await artifacts.sweep(await store.functions.codeInUse())
    expect(new Set(codeFolders())).toEqual(await store.functions.codeInUse())
  } finally {
    await artifacts.close()
    await store.close()
  }
  const database = openSqlite(path, { backend: chooseBackend(), busyTimeoutMs: 0 })
  expect(database.prepare('PRAGMA integrity_check').run([]).rows).toEqual([{ integrity_check: 'ok' }])
  database.close()
}

const codeFolders = (): string[] => (readdirSync(folder).includes('code') ? readdirSync(join(folder, 'code')) : [])
