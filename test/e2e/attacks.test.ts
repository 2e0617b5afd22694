// The museum's hostile functions against a whole Hearth: what each of them is told, and that a function beside them never
// notices.

import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exhibit, HearthProcess } from '../support/hearth-process.ts'
import { expectNothingLeft } from '../support/leak-check.ts'

let hearth: HearthProcess
beforeAll(async () => {
  hearth = await HearthProcess.start({ HEARTH_POOL_SIZE: '1' })
  await hearth.deploy({
    name: 'neighbour',
    language: 'python',
    memory: 256,
    code: 'def handler(event, context):\n    return event["n"]\n',
  })
})
afterAll(async () => {
  await hearth.remove()
  await expectNothingLeft(hearth.dataDir)
})

type Language = 'python' | 'javascript'
const everyLanguage: Language[] = ['python', 'javascript']
const file = { python: 'app.py', javascript: 'index.mjs' } as const
let calls = 0

async function put(
  name: string,
  language: Language,
  some: { timeout?: number; memory?: number; env?: Record<string, string> } = {},
): Promise<string> {
  const unique = `${name}-${language}`
  await hearth.deploy({ name: unique, language, code: exhibit(name, file[language]), timeout: 2, memory: 512, ...some })
  return unique
}

async function neighbourIsFine(): Promise<void> {
  calls += 1
  const { status, body } = await hearth.invoke('neighbour', { n: calls })
  expect([status, body]).toEqual([200, calls])
}

/** Exhibit, event, and every outcome that keeps the promise. */
type Exhibit = [name: string, event: unknown, outcomes: string[], languages?: Language[]]
const exhibits: Exhibit[] = [
  ['aborts', {}, ['crash']],
  ['segfaults', {}, ['crash']],
  ['exits', {}, ['crash']],
  ['closes-channel', {}, ['crash']],
  ['writes-garbage-to-channel', {}, ['crash']],
  ['forges-channel', {}, ['crash']],
  ['ignores-sigterm', {}, ['timeout']],
  ['spins', {}, ['timeout']],
  ['stops-itself', {}, ['timeout']],
  ['fork-bomb', {}, ['timeout', 'crash', 'oom', 'error', 'ok']],
  ['memory-bomb', {}, ['oom']],
  ['memory-bomb-in-init', {}, ['oom']],
  ['kill-all', {}, ['crash', 'error', 'ok']],
  ['fills-tmp', {}, ['ok', 'error', 'oom']],
  ['fills-tmp', { inodes: true }, ['ok', 'error', 'oom', 'timeout']],
  ['recurses', {}, ['error', 'crash']],
  ['throws-non-error', {}, ['error']],
  ['cyclic-answer', {}, ['error']],
  ['big-answer', {}, ['error']],
  ['poisoned-globals', {}, ['ok', 'error']],
  ['daemonizes', {}, ['ok']],
  ['background-work', {}, ['ok']],
  ['exits-later', {}, ['ok']],
  ['closes-stdout', {}, ['ok']],
  ['forks-and-returns', {}, ['ok', 'crash'], ['python']],
  ['crash-in-init', {}, ['crash']],
]

describe('a hostile function', () => {
  for (const [name, event, outcomes, languages = everyLanguage] of exhibits) {
    for (const language of languages) {
      it(`${name} ${JSON.stringify(event)} in ${language} ends as ${outcomes.join(' or ')} and harms nobody`, async () => {
        // A bomb may need its time to go off on a busy machine; whoever only has to run out of time gets little of it.
        const timeout = outcomes.includes('timeout') ? 2 : 30
        const unique = await put(name, language, { timeout }).catch(() => `${name}-${language}`)
        const answer = await hearth.invoke(unique, event)
        expect(answer.status).toBe(200)
        expect(outcomes).toContain(answer.headers.get('x-hearth-outcome'))
        await neighbourIsFine()
      })
    }
  }
})

describe('what a function can find out', () => {
  it('is nothing about the host, its files or its processes', async () => {
    const name = await put('reads-host-files', 'python')
    const paths = [
      hearth.dataDir,
      '/root',
      '/home',
      '/etc/shadow',
      '/var/lib',
      '/proc/1/environ',
      '/proc/1/root',
      '/sys',
      '/run',
      '/var/run/docker.sock',
    ]
    const { body } = await hearth.invoke<{ uid: number; seen: Record<string, unknown> }>(name, { paths })
    expect(body.uid).toBeGreaterThan(0)
    for (const path of paths)
      expect([path, typeof body.seen[path] === 'object' || body.seen[path] === '']).toEqual([path, true])
  })

  it('is only the documented environment and its own', async () => {
    const name = await put('env-dump', 'javascript', { env: { MINE: 'yes' } })
    const { body } = await hearth.invoke<Record<string, string>>(name)
    expect(body.MINE).toBe('yes')
    const foreign = Object.keys(body).filter(
      (key) => !/^(AWS_|LAMBDA_|_HANDLER|_X_AMZN|TZ|LANG|LC_|PATH|LD_LIBRARY_PATH|HOME|PWD|NODE_PATH|MINE)/.test(key),
    )
    expect(foreign).toEqual([])
    expect(JSON.stringify(body)).not.toContain(hearth.dataDir)
  })

  it('is not a way to the host by any socket', async () => {
    const abstract = createServer().listen('\0hearth-test-abstract')
    const { port: control } = new URL(hearth.ready.control)
    const { port: functions } = new URL(hearth.ready.functions)
    const name = await put('reaches-network', 'python', { timeout: 20 })
    const addresses = [
      { host: '127.0.0.1', port: Number(control) },
      { host: '127.0.0.1', port: Number(functions) },
      { host: '169.254.169.254', port: 80 },
      { path: '\0hearth-test-abstract' },
      { path: '/var/run/docker.sock' },
    ]
    const { body } = await hearth.invoke<string[]>(name, { addresses })
    abstract.close()
    expect(body).toHaveLength(addresses.length)
    expect(body).not.toContain('connected')
  })
})

describe('replies', () => {
  it('that come twice never reach another call', async () => {
    const name = await put('double-reply', 'python')
    for (let call = 0; call < 10; call += 1) {
      const { body } = await hearth.invoke(name, { call })
      // The function may answer its own call in the runtime's stead; the second answer ends the sandbox.
      expect(['first', 'second']).toContain(typeof body === 'string' ? body : 'first')
      await neighbourIsFine()
    }
  })

  it('never cross between calls that come at once', async () => {
    const answers = await Promise.all(Array.from({ length: 150 }, (_, n) => hearth.invoke<number>('neighbour', { n })))
    expect(answers.map(({ body }) => body)).toEqual(Array.from({ length: 150 }, (_, n) => n))
  })
})

it('keeps its own lines and a forger’s apart', async () => {
  const name = await put('forges-log-lines', 'python')
  const { headers } = await hearth.invoke(name)
  const record = await hearth.invocation(headers.get('x-hearth-request-id') as string, ({ logs }) => logs.length > 0)
  // All of it is this call's text: nothing was taken for a line of the platform's, or for the end of the call.
  expect(record.logs.every(({ stream }) => stream === 'stdout' || stream === 'stderr')).toBe(true)
  const { headers: next } = await hearth.invoke('neighbour', { n: 1 })
  expect((await hearth.invocation(next.get('x-hearth-request-id') as string)).logs).toEqual([])
})
