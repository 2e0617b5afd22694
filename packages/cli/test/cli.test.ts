import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runCli } from '../src/run-cli.ts'
import { ApiDouble, doubleKey, requestId } from './api-double.ts'

let api: ApiDouble
let home: string

beforeEach(async () => {
  api = new ApiDouble()
  await api.start()
  home = mkdtempSync(join(tmpdir(), 'hearth-cli-'))
})

afterEach(async () => {
  await api.stop()
  rmSync(home, { recursive: true })
})

interface Run {
  readonly exitCode: number
  readonly out: string
  readonly err: string
}

interface Given {
  readonly env?: Record<string, string>
  readonly piped?: string
}

async function hearth(args: readonly string[], { env, piped }: Given = {}): Promise<Run> {
  let out = ''
  let err = ''
  const exitCode = await runCli(args, {
    env: env ?? { HEARTH_ENDPOINT: api.endpoint, HEARTH_KEY: doubleKey },
    homeDir: home,
    stdin: async () => (piped === undefined ? null : Buffer.from(piped)),
    stdout: (text) => {
      out += text
    },
    stderr: (text) => {
      err += text
    },
    colours: false,
  })
  return { exitCode, out, err }
}

/** Writes files below the home folder and gives its path. */
function project(files: Record<string, string>): string {
  const folder = join(home, 'project')
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

const lastBody = (): Record<string, unknown> => JSON.parse(api.asked.at(-1)?.body ?? '')

describe('deploy', () => {
  test('creates a function from one file, under its name, and says so', async () => {
    const file = join(project({ 'hello.py': 'def handler(event, context): return event' }), 'hello.py')
    const { exitCode, out, err } = await hearth(['deploy', file, '--timeout', '5', '--env', 'A=1', '--env', 'B=x=y'])
    expect(exitCode).toBe(0)
    expect(api.functions.get('hello')).toEqual({
      name: 'hello',
      language: 'python',
      code: 'def handler(event, context): return event',
      timeout: 5,
      env: { A: '1', B: 'x=y' },
    })
    expect(out).toBe('hello  version 1\n')
    expect(err).toContain('creating hello')
  })

  test('updates the function of the same name, sending only what was said', async () => {
    const file = join(project({ 'hello.mjs': 'export const main = () => 1' }), 'hello.mjs')
    await hearth(['deploy', file, '--memory', '256'])
    await hearth(['deploy', file, '--handler', 'hello.main', '--route', '/hello', '--public'])
    expect(api.asked.at(-1)?.method).toBe('PUT')
    expect(lastBody()).toEqual({
      name: 'hello',
      language: 'javascript',
      code: 'export const main = () => 1',
      function_name: 'main',
      route: '/hello',
      access: 'public',
    })
    await hearth(['deploy', file, '--no-route', '--no-public'])
    expect(lastBody()).toMatchObject({ route: null, access: 'key' })
  })

  test('packs a folder the same way each time, whatever its times and the order it was made in', async () => {
    const folder = project({ 'index.mjs': 'export {}', 'lib/b.mjs': '2', 'lib/a.mjs': '1', '.git/HEAD': 'left out' })
    await hearth(['deploy', folder, '--name', 'one'])
    for (const name of readdirSync(folder)) utimesSync(join(folder, name), new Date(0), new Date(0))
    await hearth(['deploy', folder, '--name', 'two'])
    const { zip, handler, language } = api.functions.get('one') ?? {}
    expect({ handler, language }).toEqual({ handler: 'index.handler', language: 'javascript' })
    expect(api.functions.get('two')?.zip).toBe(zip)
    const names = Buffer.from(zip ?? '', 'base64')
      .toString('latin1')
      .match(/(index|lib\/[ab])\.mjs|HEAD/g)
    expect(names).toEqual(['index.mjs', 'lib/a.mjs', 'lib/b.mjs', 'index.mjs', 'lib/a.mjs', 'lib/b.mjs'])
  })

  test('keeps the handler of an existing function when a folder only suggests another', async () => {
    const folder = project({ 'index.mjs': 'export {}', 'app.mjs': 'export {}' })
    await hearth(['deploy', folder, '--handler', 'app.main'])
    await hearth(['deploy', folder])
    expect(api.functions.get('project')?.handler).toBe('app.main')
  })

  test.each([
    ['a folder that does not show what to run', ['main.go'], ['deploy', '.']],
    ['a file of another kind', ['a.go'], ['deploy', 'a.go']],
    ['a handler that is not in the file', ['a.py'], ['deploy', 'a.py', '--handler', 'b.main']],
    ['a path that is not there', [], ['deploy', 'nowhere']],
  ])('refuses %s as a mistake of the command', async (_, files, [verb = '', path = '', ...flags]) => {
    const folder = project(Object.fromEntries(files.map((name) => [name, ''])))
    const { exitCode, err } = await hearth([verb, join(folder, path), ...flags])
    expect(exitCode).toBe(2)
    expect(err).toMatch(/^error: /)
    expect(api.functions.size).toBe(0)
  })

  test('never follows a link out of the folder', async () => {
    const folder = project({ 'index.py': '' })
    symlinkSync('/etc/passwd', join(folder, 'users'))
    const { exitCode, err } = await hearth(['deploy', folder])
    expect(exitCode).toBe(2)
    expect(err).toContain('users')
  })

  test('lists every fault the server found', async () => {
    const file = join(project({ 'a.py': '' }), 'a.py')
    const { exitCode, err } = await hearth(['deploy', file, '--timeout', '0'])
    expect(exitCode).toBe(1)
    expect(err).toContain('  timeout: must be from 1 to 900')
  })
})

describe('invoke', () => {
  beforeEach(() => {
    api.functions.set('hello', { name: 'hello' })
  })

  test('prints the answer on stdout and everything else on stderr', async () => {
    const { exitCode, out, err } = await hearth(['invoke', 'hello', '-d', '{"a":1}', '--isolation', 'linux'])
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: '{"hello":"world"}\n' })
    expect(err).toContain('ok  linux  warm')
    expect(api.asked.at(-1)).toMatchObject({ body: '{"a":1}', headers: { 'x-hearth-isolation': 'linux' } })
  })

  test('takes the event from a file, from what is piped in, or else an empty one', async () => {
    const file = join(project({ 'event.json': '[1]' }), 'event.json')
    await hearth(['invoke', 'hello', '-d', `@${file}`])
    await hearth(['invoke', 'hello'], { piped: '[2]' })
    await hearth(['invoke', 'hello', '-d', '-'], { piped: '[3]' })
    await hearth(['invoke', 'hello'])
    expect(api.asked.map(({ body }) => body)).toEqual(['[1]', '[2]', '[3]', '{}'])
  })

  test('exits with 1 when the function failed, and still prints its answer', async () => {
    api.invoked = { outcome: 'error', raw: '{"errorType":"Oops"}' }
    expect(await hearth(['invoke', 'hello', '--quiet'])).toEqual({
      exitCode: 1,
      out: '{"errorType":"Oops"}\n',
      err: '',
    })
  })

  test('shows what was printed, waiting for the record to be written', async () => {
    api.logs = [{ time: 'now', stream: 'stdout', text: 'asked' }]
    api.unknownFor = 2
    expect((await hearth(['invoke', 'hello', '--logs'])).err).toContain('asked\n')
    const { out } = await hearth(['invoke', 'hello', '--logs', '--json'])
    expect(JSON.parse(out)).toMatchObject({ request_id: requestId, answer: { hello: 'world' }, logs: api.logs })
  })

  test('makes terminal escapes in answers and logs visible, unless asked not to', async () => {
    api.invoked = { outcome: 'ok', raw: '"\x1b]0;title\x07 \u009b2J"' }
    api.logs = [{ time: 'now', stream: 'stdout', text: '\x1b[2Jgone' }]
    const careful = await hearth(['invoke', 'hello', '--logs'])
    expect(careful.out).toBe('"\\u001b]0;title\\u0007 \\u009b2J"\n')
    expect(careful.err).toContain('\\u001b[2Jgone')
    expect((await hearth(['logs', 'hello'])).out).toContain('\\u001b[2Jgone')
    expect((await hearth(['invoke', 'hello', '--raw'])).out).toBe(`${api.invoked.raw}\n`)
  })

  test('says which function is not there', async () => {
    expect(await hearth(['invoke', 'other'])).toMatchObject({
      exitCode: 1,
      err: 'error: No function is called other.\n',
    })
  })
})

test('execute passes arguments as JSON where they are, else as text', async () => {
  const { out, err } = await hearth(['execute', 'sum', '1', '{"a":2}', 'plain text'])
  expect(lastBody()).toEqual({ id: 'sum', args: [1, { a: 2 }, 'plain text'] })
  expect(out).toBe('[1,{"a":2},"plain text"]\n')
  expect(err).toContain('printed')
})

test('ls shows every page as a table, or as JSON', async () => {
  for (const name of ['a', 'b', 'c']) api.functions.set(name, { name })
  const { out } = await hearth(['ls'])
  expect(out.split('\n').map((line) => line.split(' ')[0])).toEqual(['NAME', 'a', 'b', 'c', ''])
  const names = (JSON.parse((await hearth(['ls', '--json'])).out) as { name: string }[]).map(({ name }) => name)
  expect(names).toEqual(['a', 'b', 'c'])
})

test('get and rm speak of one function', async () => {
  api.functions.set('a', { name: 'a', description: 'evil \x1b[31m' })
  expect((await hearth(['get', 'a'])).out).toContain('evil \\u001b[31m')
  expect(await hearth(['rm', 'a'])).toMatchObject({ exitCode: 0, out: '' })
  expect(await hearth(['rm', 'a'])).toMatchObject({ exitCode: 1 })
})

test('logs finds a function or one call', async () => {
  api.logs = [{ time: 'now', stream: 'stderr', text: 'careful' }]
  expect((await hearth(['logs', 'hello'])).out).toContain('! careful')
  expect((await hearth(['logs', requestId])).out).toContain('! careful')
})

test('keys are made, shown once, listed and removed', async () => {
  expect(await hearth(['keys', 'create', 'ci', '--scopes', 'read,invoke', '--expires-in-days', '1'])).toMatchObject({
    exitCode: 0,
    out: 'hk_shown_once\n',
  })
  expect(lastBody()).toEqual({ name: 'ci', scopes: ['read', 'invoke'], expires_in_seconds: 86_400 })
  expect((await hearth(['keys', 'ls'])).out).toContain('k1  ci')
  expect(await hearth(['keys', 'rm', 'k1'])).toMatchObject({ exitCode: 0, out: '' })
  expect((await hearth(['keys', 'rm', 'k2'])).err).toContain('No key has the id k2')
  expect(await hearth(['keys', 'create', 'ci', '--scopes', 'root'])).toMatchObject({ exitCode: 2 })
})

describe('finding the server', () => {
  const local = (server: object, key?: string): void => {
    mkdirSync(join(home, '.hearth'), { recursive: true })
    writeFileSync(join(home, '.hearth/server.json'), JSON.stringify(server))
    if (key !== undefined) writeFileSync(join(home, '.hearth/admin.key'), `${key}\n`)
  }

  test('takes address and key from the data folder of the server on this machine', async () => {
    local({ control: api.endpoint, pid: process.pid }, doubleKey)
    expect(await hearth(['ls'], { env: {} })).toMatchObject({ exitCode: 0 })
    expect(await hearth(['ls'], { env: { HEARTH_DATA_DIR: join(home, '.hearth') } })).toMatchObject({ exitCode: 0 })
  })

  test('says what to do when there is none, when it is gone, and when nobody answers', async () => {
    expect((await hearth(['ls'], { env: {} })).err).toContain('npm start')
    local({ control: api.endpoint, pid: 2 ** 22 + 1 })
    expect((await hearth(['ls'], { env: {} })).err).toContain('is gone')
    expect((await hearth(['ls', '--endpoint', 'http://127.0.0.1:1'], { env: {} })).err).toContain(
      'Is the server running?',
    )
    expect(await hearth(['ls', '--endpoint', 'nonsense'])).toMatchObject({ exitCode: 2 })
  })

  test("shows this machine's admin key to no other machine", async () => {
    local({ control: api.endpoint, pid: process.pid }, doubleKey)
    // A name that leads here but is not one of this machine's own.
    const elsewhere = api.endpoint.replace('127.0.0.1', '[::ffff:127.0.0.1]')
    await hearth(['ls', '--endpoint', elsewhere], { env: {} })
    expect(api.asked.at(-1)?.headers.authorization).toBeUndefined()
  })

  test('tells a missing key from a wrong one', async () => {
    expect((await hearth(['ls'], { env: { HEARTH_ENDPOINT: api.endpoint } })).err).toContain('Give a key')
    expect((await hearth(['ls', '--key', 'wrong'])).err).toContain('is not valid there')
  })
})

test.each([
  [['nope']],
  [['invoke']],
  [['ls', '--nope']],
  [['deploy', 'x', '--isolation', 'wood']],
  [['deploy', 'x', '--env', 'novalue']],
])('%j is a mistake of the command: exit code 2 and a word of help', async (args) => {
  const { exitCode, err, out } = await hearth(args)
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' })
  expect(err).toContain('--help')
})

test('--help and --version are results, not mistakes', async () => {
  expect(await hearth(['--help'])).toMatchObject({ exitCode: 0, err: '', out: expect.stringContaining('deploy') })
  expect(await hearth(['--version'])).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
})
