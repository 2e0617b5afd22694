// kill -9 at any moment: nothing acknowledged is lost, nothing of the dead server stays, the next start just works.
// HEARTH_KILL_ROUNDS raises the number of rounds (the default keeps the suite short).

import type { FunctionView, Page } from '@hearth/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { adminKey, HearthProcess } from '../support/hearth-process.ts'
import { expectNothingLeft, remainsOf } from '../support/leak-check.ts'

const rounds = Number(process.env.HEARTH_KILL_ROUNDS ?? 5)

let hearth: HearthProcess | null = null
afterEach(async () => {
  const dataDir = hearth?.dataDir
  // What a killed server could not remove, the next start does.
  await hearth?.end()
  await hearth?.start().catch(() => {})
  await hearth?.remove()
  hearth = null
  if (dataDir !== undefined) await expectNothingLeft(dataDir)
})

const code = (answer: number): string => `def handler(event, context):\n    return ${answer}\n`

describe('a server that is killed', () => {
  it('has kept every deploy it acknowledged, whole, after each of many kills', async () => {
    const server = new HearthProcess({ HEARTH_POOL_SIZE: '0' })
    hearth = server
    const acknowledged = new Map<string, number>()
    let seed = 12345
    const random = (): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648
      return seed / 2147483648
    }
    for (let round = 0; round < rounds; round += 1) {
      const { control } = await server.start()
      let alive = true
      const writer = async (lane: number): Promise<void> => {
        for (let count = 0; alive; count += 1) {
          const name = `fn-${lane}-${count % 4}`
          const answer = round * 100_000 + lane * 10_000 + count
          const exists = acknowledged.has(name)
          const url = exists ? `${control}/functions/${name}` : `${control}/functions`
          const response = await fetch(url, {
            method: exists ? 'PUT' : 'POST',
            headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
            body: JSON.stringify({ ...(exists ? {} : { name, language: 'python' }), code: code(answer) }),
          }).catch(() => null)
          // A 409 means that an unacknowledged create of an earlier round did reach the disk: allowed, and whole.
          if (response?.status === 409) acknowledged.set(name, -1)
          else if (response?.ok) acknowledged.set(name, answer)
          else if (response !== null) throw new Error(`${response.status} ${await response.text()}`)
        }
      }
      const writers = [0, 1, 2].map(writer)
      await new Promise((resolve) => setTimeout(resolve, 20 + random() * 500))
      await server.end('SIGKILL')
      alive = false
      await Promise.all(writers)

      await server.start()
      const { body } = await server.api<Page<FunctionView>>('GET', '/functions?limit=1000')
      const names = new Set(body.items.map(({ name }) => name))
      for (const name of acknowledged.keys()) expect(names).toContain(name)
      // What runs is the acknowledged code, or that of a change that was under way: never older, never torn.
      for (const [name, answer] of acknowledged) {
        const result = await server.invoke<number>(name)
        expect([result.status, result.headers.get('x-hearth-outcome')]).toEqual([200, 'ok'])
        if (answer >= 0) expect(result.body).toBeGreaterThanOrEqual(answer)
        acknowledged.set(name, result.body)
      }
      await server.end('SIGKILL')
    }
    expect(acknowledged.size).toBeGreaterThan(3)
  }, 600_000)

  it('leaves nothing behind once its successor has started', async () => {
    const server = new HearthProcess({ HEARTH_POOL_SIZE: '2' })
    hearth = server
    await server.start()
    await server.deploy({
      name: 'sleeper',
      language: 'python',
      timeout: 60,
      code: 'import time\ndef handler(event, context):\n    time.sleep(event["s"])\n    return 1\n',
    })
    await server.deploy({
      name: 'js',
      language: 'javascript',
      timeout: 60,
      code: 'export const handler = ({ s }) => new Promise((done) => setTimeout(() => done(1), s * 1000))',
    })
    await Promise.all(
      [1, 2, 3, 4].flatMap(() => [server.invoke('sleeper', { s: 0.3 }), server.invoke('js', { s: 0.3 })]),
    )
    const busy = [1, 2, 3].map(() => server.invoke('sleeper', { s: 50 }).catch(() => null))
    await new Promise((resolve) => setTimeout(resolve, 200))
    const before = await remainsOf(server.dataDir)
    expect(before.processes).toBeGreaterThan(8)
    await server.end('SIGKILL')
    await Promise.all(busy)
    await server.start()
    expect((await server.invoke('sleeper', { s: 0 })).body).toBe(1)
  }, 300_000)
})

describe('a server that is asked to stop', () => {
  it('finishes the calls it has accepted and refuses new ones', async () => {
    const server = new HearthProcess()
    hearth = server
    await server.start()
    await server.deploy({
      name: 'slow',
      language: 'python',
      timeout: 30,
      code: 'import time\ndef handler(event, context):\n    time.sleep(1)\n    return "done"\n',
    })
    await server.invoke('slow')
    const calls = Array.from({ length: 6 }, () => server.invoke('slow'))
    await new Promise((resolve) => setTimeout(resolve, 300))
    const exit = await server.end('SIGTERM')
    expect((await Promise.all(calls)).map(({ body }) => body)).toEqual(Array(6).fill('done'))
    expect(exit).toBe(0)
  }, 120_000)

  it('ends at once when asked twice', async () => {
    const server = new HearthProcess()
    hearth = server
    await server.start()
    await server.deploy({
      name: 'slow',
      language: 'python',
      timeout: 300,
      code: 'import time\ndef handler(event, context):\n    time.sleep(200)\n',
    })
    const call = server.invoke('slow').catch(() => 'cut')
    await new Promise((resolve) => setTimeout(resolve, 500))
    server.signal('SIGTERM')
    // Closer together they would count as one, told twice.
    await new Promise((resolve) => setTimeout(resolve, 700))
    expect(await server.end('SIGTERM')).toBe(1)
    expect(await call).toBe('cut')
  }, 120_000)
})

it('is refused a data folder that another server uses', async () => {
  const server = new HearthProcess()
  hearth = server
  await server.start()
  const second = new HearthProcess({}, server.dataDir)
  await expect(second.start()).rejects.toThrow(/in use|another/i)
}, 60_000)
