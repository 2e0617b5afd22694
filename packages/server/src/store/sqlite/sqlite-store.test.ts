import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { migrate } from '../migrate.ts'
import { migrationsFor } from '../migrations/index.ts'
import { InvocationRepository } from '../repositories/invocation-repository.ts'
import { describeStore, functionRecord, invocationRecord } from '../store.contract.ts'
import type { Tables } from '../tables.ts'
import { chooseBackend, openSqlite, type SqliteBackend } from './sqlite-backend.js'
import { sqliteDialect, sqliteTraits } from './sqlite-dialect.ts'
import { SqliteStore } from './sqlite-store.ts'
import { SqliteThread } from './sqlite-thread.ts'

const nodeHasSqlite = (() => {
  try {
    createRequire(import.meta.url)('node:sqlite')
    return chooseBackend() === 'built-in'
  } catch {
    return false
  }
})()
const backends: SqliteBackend[] = nodeHasSqlite ? ['built-in', 'libsql'] : ['libsql']

for (const backend of backends) {
  describeStore(`the SQLite store on ${backend}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hearth-store-'))
    return {
      store: new SqliteStore({ path: join(folder, 'hearth.db'), backend }),
      remove: async () => rmSync(folder, { recursive: true, force: true }),
    }
  })
}

it('takes the SQLite of Node where that is complete enough', () => {
  expect(chooseBackend('20.19.0')).toBe('libsql')
  expect(chooseBackend('22.13.0')).toBe('libsql')
  expect(chooseBackend('22.16.0')).toBe('built-in')
  expect(chooseBackend('24.0.1')).toBe('built-in')
})

describe('the SQLite store', () => {
  let folder = ''
  let path = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hearth-store-'))
    path = join(folder, 'hearth.db')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const withStore = async (use: (store: SqliteStore) => Promise<void>, busyTimeoutMs = 50): Promise<void> => {
    const store = new SqliteStore({ path, busyTimeoutMs })
    await store.open()
    try {
      await use(store)
    } finally {
      await store.close()
    }
  }
  /** The database as another program would see it. */
  const directly = (use: (database: ReturnType<typeof openSqlite>) => void): void => {
    const database = openSqlite(path, { backend: chooseBackend(), busyTimeoutMs: 0 })
    try {
      use(database)
    } finally {
      database.close()
    }
  }

  it('keeps everything over a restart', async () => {
    const record = functionRecord()
    const call = invocationRecord()
    await withStore(async (store) => {
      await store.functions.insert(record)
      await store.invocations.append([call])
    })
    await withStore(async (store) => {
      expect(await store.functions.all()).toEqual([record])
      expect(await store.invocations.find(call.requestId)).toEqual(call)
    })
  })

  it('is readable for its owner only and safe against loss of power', async () => {
    await withStore(async (store) => {
      await store.settings.put('a', 'b')
      for (const name of ['hearth.db', 'hearth.db-wal', 'hearth.db-shm']) {
        expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
      }
    })
    const thread = new SqliteThread({ path, backend: chooseBackend(), busyTimeoutMs: 50 })
    await thread.open()
    expect((await thread.query('PRAGMA journal_mode', [])).rows).toEqual([{ journal_mode: 'wal' }])
    await thread.close()
  })

  it('refuses a file that is no database and points to the backup', async () => {
    writeFileSync(path, 'this was a database once, before the disk went bad. '.repeat(100))
    const before = readFileSync(path)
    await expect(new SqliteStore({ path }).open()).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringMatching(/hearth\.db: .*damaged.*backup/s),
    })
    expect(readFileSync(path)).toEqual(before)
  })

  it('refuses a database with a broken page and points to the backup', async () => {
    await withStore(async (store) => {
      for (let count = 0; count < 200; count += 1) await store.settings.put(`name-${count}`, 'x'.repeat(200))
    })
    const bytes = readFileSync(path)
    bytes.fill(0x5a, bytes.length - 3 * 4096, bytes.length - 4096)
    writeFileSync(path, bytes)
    await expect(new SqliteStore({ path }).open()).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringMatching(/hearth\.db: .*damaged.*backup/s),
    })
  })

  it('refuses a database of a newer version and leaves it alone', async () => {
    await withStore(async () => {})
    directly((database) => database.exec("INSERT INTO kysely_migration VALUES ('0999-from-the-future', '2030')"))
    await expect(new SqliteStore({ path }).open()).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringContaining('newer Hearth'),
    })
  })

  it('says so when the folder is missing', async () => {
    await expect(new SqliteStore({ path: join(folder, 'no', 'hearth.db') }).open()).rejects.toMatchObject({
      code: 'storage_unavailable',
    })
  })

  it('says so when another program holds the lock, and works again when it lets go', async () => {
    await withStore(async (store) => {
      const other = openSqlite(path, { backend: chooseBackend(), busyTimeoutMs: 0 })
      other.exec('BEGIN IMMEDIATE')
      await expect(store.settings.put('a', '1')).rejects.toMatchObject({
        code: 'storage_unavailable',
        message: expect.stringContaining('locked by another program'),
      })
      await expect(store.functions.insert(functionRecord())).rejects.toMatchObject({ code: 'storage_unavailable' })
      expect(await store.settings.get('a')).toBeNull()
      other.exec('ROLLBACK')
      other.close()
      await store.settings.put('a', '1')
      await store.functions.insert(functionRecord())
      expect(await store.functions.all()).toHaveLength(1)
    })
  })

  it('gives up nothing of a batch that fails in its middle', async () => {
    await withStore(async (store) => {
      const broken = { ...invocationRecord(), functionId: null as unknown as string }
      await expect(store.invocations.append([invocationRecord(), broken])).rejects.toThrow(/NOT NULL/)
      expect(await store.invocations.list({ limit: 10 })).toEqual([])
      await store.invocations.append([invocationRecord()])
      expect(await store.invocations.list({ limit: 10 })).toHaveLength(1)
    })
  })

  it('stores odd figures rather than losing the batch they came with', async () => {
    await withStore(async (store) => {
      const odd = invocationRecord({
        runMs: Number.NaN,
        totalMs: Number.POSITIVE_INFINITY,
        receivedAtMs: 1.5,
        eventBytes: -1,
      })
      await store.invocations.append([odd])
      expect(await store.invocations.find(odd.requestId)).toMatchObject({ runMs: 0, totalMs: 0, receivedAtMs: 2 })
    })
  })

  it('may be closed twice and answers clearly afterwards', async () => {
    const store = new SqliteStore({ path })
    await store.open()
    await store.close()
    await store.close()
    await expect(store.functions.all()).rejects.toMatchObject({ code: 'storage_unavailable' })
  })

  describe('when the disk is full (P-DUR-5)', () => {
    it('refuses writes, goes on reading, and writes again as soon as there is room', async ({ skip }) => {
      const disk = join(folder, 'disk')
      mkdirSync(disk)
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
      if (mounted.status !== 0) skip('needs the right to mount a small tmpfs')
      try {
        path = join(disk, 'hearth.db')
        await withStore(async (store) => {
          const kept = functionRecord()
          await store.functions.insert(kept)
          const filler = join(disk, 'filler')
          spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4096'])
          const acknowledged: string[] = [kept.id]
          let refused = 0
          for (let count = 0; count < 50; count += 1) {
            const record = functionRecord({ description: 'x'.repeat(20_000) })
            await store.functions.insert(record).then(
              () => acknowledged.push(record.id),
              (fault) => {
                expect(fault).toMatchObject({ code: 'storage_unavailable' })
                refused += 1
              },
            )
          }
          expect(refused).toBeGreaterThan(0)
          await expect(
            store.invocations.append(Array.from({ length: 500 }, () => invocationRecord())),
          ).rejects.toMatchObject({ code: 'storage_unavailable' })
          expect((await store.functions.all()).map(({ id }) => id)).toEqual(acknowledged.sort())
          rmSync(filler)
          const after = functionRecord()
          await store.functions.insert(after)
          await store.invocations.append([invocationRecord()])
          expect((await store.functions.all()).map(({ id }) => id)).toEqual([...acknowledged, after.id].sort())
        })
        directly((database) => {
          expect(database.prepare('PRAGMA integrity_check').run([]).rows).toEqual([{ integrity_check: 'ok' }])
        })
      } finally {
        spawnSync('umount', ['-l', disk])
      }
    })

    it('is told by SQLite running out of pages, too', async () => {
      await withStore(async () => {})
      const thread = new SqliteThread({ path, backend: chooseBackend(), busyTimeoutMs: 50 })
      await thread.open()
      const db = new Kysely<Tables>({ dialect: sqliteDialect(thread) })
      const invocations = new InvocationRepository(db, thread)
      const many = Array.from({ length: 2_000 }, () => invocationRecord())
      await thread.query('PRAGMA max_page_count = 40', [])
      await expect(invocations.append(many)).rejects.toMatchObject({
        code: 'storage_unavailable',
        message: expect.stringContaining('no space left'),
      })
      await thread.query('PRAGMA max_page_count = 100000', [])
      await invocations.append(many)
      expect(await invocations.list({ limit: 5 })).toHaveLength(5)
      await db.destroy()
    })
  })

  it('takes the logs of the oldest calls when logs fill the disk, and keeps their records', async () => {
    await withStore(async () => {})
    const thread = new SqliteThread({ path, backend: chooseBackend(), busyTimeoutMs: 50 })
    await thread.open()
    const db = new Kysely<Tables>({ dialect: sqliteDialect(thread) })
    const invocations = new InvocationRepository(db, thread, { logBytesMax: 10_000 })
    const logs = { lines: [{ wallMs: 1, stream: 'stdout' as const, text: 'x'.repeat(1_000) }], droppedBytes: 0 }
    const records = Array.from({ length: 20 }, () => invocationRecord({ logs }))
    await invocations.append(records.slice(0, 15))
    expect(await invocations.prune({ keep: 100, sinceMs: 0 })).toBe(0)
    await invocations.append(records.slice(15))
    expect(await invocations.prune({ keep: 100, sinceMs: 0 })).toBe(0)
    const withLogs: boolean[] = []
    for (const { requestId } of records) withLogs.push((await invocations.find(requestId))?.logs.lines.length === 1)
    expect(withLogs).toEqual(records.map((_, index) => index >= 11))
    await db.destroy()
  })

  it('finds failures by their own index, and a page of a function by its', async () => {
    await withStore(async () => {})
    directly((database) => {
      const plan = (query: string) => JSON.stringify(database.prepare(`EXPLAIN QUERY PLAN ${query}`).run([]).rows)
      expect(
        plan("SELECT * FROM invocations WHERE outcome = 'oom' AND outcome <> 'ok' ORDER BY request_id DESC LIMIT 5"),
      ).toContain('invocations_failed')
      const page = plan("SELECT * FROM invocations WHERE function_id = 'f' ORDER BY request_id DESC LIMIT 5")
      expect(page).toContain('invocations_by_function')
      expect(page).not.toContain('TEMP B-TREE')
    })
  })

  it('takes up migrations where a killed one stopped, each step whole', async () => {
    const steps = migrationsFor(sqliteTraits)
    const thread = new SqliteThread({ path, backend: chooseBackend(), busyTimeoutMs: 50 })
    await thread.open()
    const db = new Kysely<unknown>({ dialect: sqliteDialect(thread) })
    const broken = {
      ...steps,
      '0002-invocations': {
        up: async (transaction: Kysely<unknown>) => {
          await steps['0002-invocations']?.up(transaction)
          throw new Error('the power went out')
        },
      },
    }
    await expect(migrate(db, broken)).rejects.toThrow('the power went out')
    const tables = await sql<{
      name: string
    }>`select name from sqlite_schema where name in ('functions', 'invocations')`.execute(db)
    expect(tables.rows).toEqual([{ name: 'functions' }])
    expect(await migrate(db, steps)).toEqual(['0002-invocations'])
    expect(await migrate(db, steps)).toEqual([])
    await db.destroy()
  })
})
