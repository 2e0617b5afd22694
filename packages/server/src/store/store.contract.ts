// What every store does, whatever it is made of.

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FunctionRecord, Version } from '../domain/function.ts'
import { type InvocationRecord, noLogs } from '../domain/invocation.ts'
import type { KeyRecord } from '../domain/key.ts'
import type { Store } from '../domain/store.ts'
import { uuidSource } from '../lib/uuid.ts'

/** Text that databases and their bindings like to spoil. */
const awkward = 'NUL \0, lone \ud800, "quotes\', \u2028, 😀, $1 ? :x'

const nowMs = 1_800_000_000_000
let clockMs = nowMs
let newId = uuidSource(() => clockMs)

export function functionRecord(some: Partial<FunctionRecord> = {}, version: Partial<Version> = {}): FunctionRecord {
  const id = some.id ?? newId()
  const name = some.name ?? `fn-${id}`
  return {
    id,
    name,
    description: 'does a thing',
    route: null,
    access: 'key',
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    latest: {
      id: newId(),
      functionId: id,
      functionName: name,
      number: 1,
      config: {
        runtime: 'python3.11',
        language: 'python',
        handler: 'main.handler',
        timeoutSeconds: 3,
        memoryMb: 128,
        env: {},
        isolation: 'auto',
        network: 'none',
        code: { sha256: 'a'.repeat(64), bytes: 10, inline: null },
      },
      createdAtMs: nowMs,
      ...version,
    },
    ...some,
  }
}

export function invocationRecord(some: Partial<InvocationRecord> = {}): InvocationRecord {
  return {
    requestId: newId(),
    functionId: 'f1',
    functionName: 'one',
    versionNumber: 3,
    trigger: 'invoke',
    runtime: 'python3.11',
    language: 'python',
    isolation: 'linux',
    start: 'warm',
    sandboxId: 'sandbox-1',
    outcome: 'ok',
    errorType: null,
    errorMessage: null,
    receivedAtMs: clockMs,
    queueMs: 0.021,
    initMs: 0,
    runMs: 1.204,
    totalMs: 1.3,
    billedMs: 2,
    memoryMb: 128,
    memoryUsedBytes: 9_007_199_254_740_991,
    cpuMs: null,
    eventBytes: 2,
    answerBytes: 4_294_967_296,
    logs: noLogs,
    ...some,
  }
}

const keyRecord = (some: Partial<KeyRecord> = {}): KeyRecord => ({
  id: newId(),
  name: 'laptop',
  scopes: ['admin', 'read'],
  digest: Uint8Array.from({ length: 32 }, (_, index) => index * 8),
  createdAtMs: nowMs,
  expiresAtMs: null,
  lastUsedAtMs: null,
  ...some,
})

/** `make` returns a fresh, empty, unopened store. */
export function describeStore(name: string, make: () => Promise<{ store: Store; remove: () => Promise<void> }>): void {
  describe(name, () => {
    let store: Store
    let remove: () => Promise<void>

    beforeEach(async () => {
      clockMs = nowMs
      newId = uuidSource(() => clockMs)
      ;({ store, remove } = await make())
      await store.open()
    })
    afterEach(async () => {
      await store.close()
      await remove()
    })

    describe('functions', () => {
      it('come back exactly as they were put in', async () => {
        const full = functionRecord(
          { name: 'full', description: awkward, route: '/full/{id}', access: 'public', updatedAtMs: nowMs + 1 },
          {
            number: 7,
            config: {
              runtime: 'nodejs20.x',
              language: 'javascript',
              handler: 'index.handler',
              timeoutSeconds: 900,
              memoryMb: 10_240,
              env: { A: '1', B: awkward, __proto: 'x' },
              isolation: 'gvisor',
              network: 'egress',
              code: { sha256: 'b'.repeat(64), bytes: 262_144_000, inline: `// ${awkward}` },
            },
          },
        )
        const plain = functionRecord({ name: 'plain' })
        await store.functions.insert(full)
        await store.functions.insert(plain)
        expect(await store.functions.all()).toEqual([full, plain].sort((a, b) => (a.id < b.id ? -1 : 1)).map(renamed))
      })

      it('refuse a name that another has, and keep nothing of the attempt', async () => {
        const first = functionRecord({ name: 'same' })
        await store.functions.insert(first)
        await expect(store.functions.insert(functionRecord({ name: 'same' }))).rejects.toMatchObject({
          code: 'name_taken',
        })
        const other = functionRecord({ name: 'other' })
        await store.functions.insert(other)
        await expect(store.functions.update({ ...other, name: 'same' })).rejects.toMatchObject({ code: 'name_taken' })
        expect((await store.functions.all()).map(({ name }) => name).sort()).toEqual(['other', 'same'])
      })

      it('refuse a route that another has, but many may have none', async () => {
        await store.functions.insert(functionRecord())
        await store.functions.insert(functionRecord())
        await store.functions.insert(functionRecord({ route: '/a' }))
        await expect(store.functions.insert(functionRecord({ route: '/a' }))).rejects.toMatchObject({
          code: 'route_taken',
        })
        const other = functionRecord({ route: '/b' })
        await store.functions.insert(other)
        await expect(store.functions.update({ ...other, route: '/a' })).rejects.toMatchObject({ code: 'route_taken' })
        expect(await store.functions.all()).toHaveLength(4)
      })

      it('change name, doors and latest version as one', async () => {
        const before = functionRecord({ name: 'before', route: '/x' })
        await store.functions.insert(before)
        const latest: Version = {
          ...before.latest,
          id: newId(),
          number: 2,
          functionName: 'after',
          config: { ...before.latest.config, code: { sha256: 'c'.repeat(64), bytes: 3, inline: null } },
        }
        const after: FunctionRecord = { ...before, name: 'after', route: null, updatedAtMs: nowMs + 5, latest }
        await store.functions.update(after)
        expect(await store.functions.all()).toEqual([after])
        // Only the doors change: the same version stays the latest.
        await store.functions.update({ ...after, route: '/y' })
        expect(await store.functions.all()).toEqual([{ ...after, route: '/y' }])
        // An older version becomes the latest again.
        await store.functions.update({ ...after, latest: { ...before.latest, functionName: 'after' } })
        expect((await store.functions.all())[0]?.latest.number).toBe(1)
      })

      it('give a removed name and route free', async () => {
        const first = functionRecord({ name: 'n', route: '/n' })
        await store.functions.insert(first)
        await store.functions.remove(first.id)
        expect(await store.functions.all()).toEqual([])
        await store.functions.insert(functionRecord({ name: 'n', route: '/n' }))
      })

      it('say when there is nothing to change or remove', async () => {
        await expect(store.functions.update(functionRecord())).rejects.toMatchObject({ code: 'function_not_found' })
        await expect(store.functions.remove('nobody')).rejects.toMatchObject({ code: 'function_not_found' })
        expect(await store.functions.all()).toEqual([])
      })

      it('tell which code the latest versions use', async () => {
        expect(await store.functions.codeInUse()).toEqual(new Set())
        const code = (letter: string) => ({ sha256: letter.repeat(64), bytes: 1, inline: null })
        const one = functionRecord()
        const withCode = (record: FunctionRecord, letter: string): FunctionRecord => ({
          ...record,
          latest: {
            ...record.latest,
            id: newId(),
            number: record.latest.number + 1,
            config: { ...record.latest.config, code: code(letter) },
          },
        })
        await store.functions.insert(one)
        await store.functions.insert(withCode(functionRecord(), 'd'))
        await store.functions.insert(withCode(functionRecord(), 'd'))
        await store.functions.update(withCode(one, 'e'))
        expect(await store.functions.codeInUse()).toEqual(new Set(['d'.repeat(64), 'e'.repeat(64)]))
      })

      it('take many changes at once, each whole', async () => {
        const records = Array.from({ length: 40 }, () =>
          functionRecord({ name: `contended-${Math.floor(Math.random() * 5)}` }),
        )
        const ends = await Promise.allSettled(records.map((record) => store.functions.insert(record)))
        const names = new Set(records.map(({ name }) => name))
        expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(names.size)
        const kept = await store.functions.all()
        expect(new Set(kept.map(({ name }) => name))).toEqual(names)
        for (const record of kept) expect(record.latest.functionId).toBe(record.id)
      })
    })

    describe('invocations', () => {
      const logs = {
        lines: [
          { wallMs: nowMs, stream: 'stdout' as const, text: awkward },
          { wallMs: nowMs + 1, stream: 'stderr' as const, text: '' },
        ],
        droppedBytes: 12,
      }

      it('come back exactly as they were appended', async () => {
        const quiet = invocationRecord()
        const loud = invocationRecord({
          outcome: 'error',
          errorType: 'ValueError',
          errorMessage: awkward,
          memoryUsedBytes: null,
          cpuMs: 0.5,
          logs,
        })
        const onlyDropped = invocationRecord({ logs: { lines: [], droppedBytes: 5 } })
        await store.invocations.append([quiet, loud, onlyDropped])
        for (const record of [quiet, loud, onlyDropped]) {
          expect(await store.invocations.find(record.requestId)).toEqual(record)
        }
        expect(await store.invocations.find('nothing')).toBeNull()
      })

      it('may be appended twice and are kept once', async () => {
        const record = invocationRecord({ logs })
        await store.invocations.append([record])
        await store.invocations.append([record, invocationRecord()])
        await store.invocations.append([])
        expect(await store.invocations.list({ limit: 10 })).toHaveLength(2)
      })

      it('are listed newest first, in pages, without logs', async () => {
        const records = Array.from({ length: 25 }, () => invocationRecord({ logs }))
        await store.invocations.append([...records].reverse())
        const newestFirst = records.map((record) => ({ ...record, logs: noLogs })).reverse()
        const seen: InvocationRecord[] = []
        for (let before: string | undefined; ; before = seen.at(-1)?.requestId) {
          const page = await store.invocations.list({ limit: 10, ...(before === undefined ? {} : { before }) })
          seen.push(...page)
          if (page.length < 10) break
        }
        expect(seen).toEqual(newestFirst)
      })

      it('are listed by function, by outcome, and by both', async () => {
        const a = invocationRecord({ functionId: 'a' })
        const aTimeout = invocationRecord({ functionId: 'a', outcome: 'timeout' })
        const b = invocationRecord({ functionId: 'b' })
        const bTimeout = invocationRecord({ functionId: 'b', outcome: 'timeout' })
        await store.invocations.append([a, aTimeout, b, bTimeout])
        const ids = async (query: { functionId?: string; outcome?: string }) =>
          (await store.invocations.list({ ...query, limit: 10 })).map(({ requestId }) => requestId)
        expect(await ids({ functionId: 'a' })).toEqual([aTimeout.requestId, a.requestId])
        expect(await ids({ outcome: 'timeout' })).toEqual([bTimeout.requestId, aTimeout.requestId])
        expect(await ids({ outcome: 'ok' })).toEqual([b.requestId, a.requestId])
        expect(await ids({ functionId: 'b', outcome: 'timeout' })).toEqual([bTimeout.requestId])
        expect(await ids({ functionId: 'c' })).toEqual([])
      })

      it('are scanned from a moment on, oldest first, without logs', async () => {
        const old = invocationRecord()
        clockMs += 3_600_000
        const recent = Array.from({ length: 2_500 }, () => invocationRecord())
        await store.invocations.append([...recent, old])
        const seen: InvocationRecord[] = []
        await store.invocations.scan(nowMs + 1, (records) => seen.push(...records))
        expect(seen).toEqual(recent)
        seen.length = 0
        await store.invocations.scan(nowMs, (records) => seen.push(...records))
        expect(seen).toHaveLength(2_501)
      })

      it('are pruned by age and by number, the oldest first, logs and all', async () => {
        const ancient = invocationRecord({ logs })
        clockMs += 3_600_000
        const rest = Array.from({ length: 1_205 }, () => invocationRecord({ logs }))
        await store.invocations.append([ancient, ...rest])
        expect(await store.invocations.prune({ keep: 10_000, sinceMs: nowMs })).toBe(0)
        expect(await store.invocations.prune({ keep: 10_000, sinceMs: nowMs + 1 })).toBe(1)
        expect(await store.invocations.find(ancient.requestId)).toBeNull()
        expect(await store.invocations.prune({ keep: 5, sinceMs: 0 })).toBe(1_200)
        const kept = await store.invocations.list({ limit: 1_000 })
        expect(kept.map(({ requestId }) => requestId)).toEqual(
          rest
            .slice(-5)
            .map(({ requestId }) => requestId)
            .reverse(),
        )
        const [newest] = rest.slice(-1)
        expect(await store.invocations.find(newest?.requestId ?? '')).toEqual(newest)
        await store.invocations.append([invocationRecord()])
        expect(await store.invocations.prune({ keep: 5, sinceMs: 0 })).toBe(1)
        expect(await store.invocations.prune({ keep: 0, sinceMs: 0 })).toBe(5)
      })

      it('outlive their function', async () => {
        const owner = functionRecord()
        await store.functions.insert(owner)
        const record = invocationRecord({ functionId: owner.id, functionName: owner.name })
        await store.invocations.append([record])
        await store.functions.remove(owner.id)
        expect(await store.invocations.find(record.requestId)).toEqual(record)
      })
    })

    describe('keys', () => {
      it('come back exactly as they were put in, and are replaced by id', async () => {
        const key = keyRecord({ name: awkward, expiresAtMs: nowMs + 9 })
        await store.keys.insert(key)
        expect(await store.keys.all()).toEqual([key])
        await expect(store.keys.insert(key)).rejects.toThrow()
        const replaced = { ...key, scopes: ['invoke'] as const, digest: new Uint8Array(32), expiresAtMs: null }
        await store.keys.put(replaced)
        const other = keyRecord()
        await store.keys.put(other)
        expect(await store.keys.all()).toEqual([replaced, other])
      })

      it('are removed once', async () => {
        const key = keyRecord()
        await store.keys.insert(key)
        await store.keys.remove(key.id)
        await expect(store.keys.remove(key.id)).rejects.toMatchObject({ code: 'key_not_found' })
        expect(await store.keys.all()).toEqual([])
      })

      it('remember when they were used; those that are gone are passed over', async () => {
        const [a, b] = [keyRecord(), keyRecord()]
        await store.keys.insert(a)
        await store.keys.insert(b)
        await store.keys.touch(
          new Map([
            [a.id, nowMs + 1],
            ['gone', nowMs],
          ]),
        )
        await store.keys.touch(new Map())
        expect((await store.keys.all()).map(({ lastUsedAtMs }) => lastUsedAtMs)).toEqual([nowMs + 1, null])
      })
    })

    it('keeps settings', async () => {
      expect(await store.settings.get('x')).toBeNull()
      await store.settings.put('x', 'one')
      await store.settings.put('x', awkward)
      await store.settings.put('y', '')
      expect(await store.settings.get('x')).toBe(awkward)
      expect(await store.settings.get('y')).toBe('')
    })
  })
}

/** A version carries its function's name, whatever the test gave it. */
const renamed = (record: FunctionRecord): FunctionRecord => ({
  ...record,
  latest: { ...record.latest, functionName: record.name },
})
