import { beforeEach, describe, expect, it } from 'vitest'
import { linuxWalls, MapArtifacts, MapFunctionStore, runtimes, StoppedClock } from '../../test/doubles.ts'
import { HearthError } from '../domain/hearth-error.ts'
import { uuidSource } from '../lib/uuid.ts'
import { FunctionCatalog } from './function-catalog.ts'

let store: MapFunctionStore
let artifacts: MapArtifacts
let clock: StoppedClock
let catalog: FunctionCatalog

const open = async (): Promise<FunctionCatalog> => {
  const made = new FunctionCatalog({
    store,
    artifacts,
    runtimes,
    walls: linuxWalls,
    clock,
    nextId: uuidSource(clock.wallMs),
  })
  await made.load()
  return made
}

beforeEach(async () => {
  store = new MapFunctionStore()
  artifacts = new MapArtifacts()
  clock = new StoppedClock()
  catalog = await open()
})

const hello = { name: 'hello', language: 'python', code: 'def handler(e, c): return 1' }
const zip = Buffer.from('PK pretend')

async function refusal(work: Promise<unknown>): Promise<{ code: string; paths: string[]; message: string }> {
  const fault: unknown = await work.then(
    () => null,
    (reason) => reason,
  )
  if (!(fault instanceof HearthError)) throw new Error(`was not refused but gave ${fault}`)
  return { code: fault.code, paths: fault.details.map(({ path }) => path), message: fault.message }
}

describe('a new function', () => {
  it('gets the defaults of AWS and the code of its one file', async () => {
    const record = await catalog.create(hello)
    expect(record).toMatchObject({
      name: 'hello',
      description: '',
      route: null,
      access: 'key',
      latest: {
        number: 1,
        functionId: record.id,
        functionName: 'hello',
        config: {
          runtime: 'python3.11',
          language: 'python',
          handler: 'index.handler',
          timeoutSeconds: 3,
          memoryMb: 128,
          env: {},
          isolation: 'auto',
          network: 'none',
          code: { inline: hello.code },
        },
      },
    })
    expect(Buffer.from(artifacts.packages.get(record.latest.config.code.sha256) ?? []).toString()).toBe(
      `index.py\0${hello.code}`,
    )
  })

  it('is known by id and by name, and after a restart', async () => {
    const { id } = await catalog.create({ ...hello, route: '/hello/{name}' })
    for (const seen of [catalog, await open()]) {
      expect([seen.byIdOrName(id)?.id, seen.byIdOrName('hello')?.id]).toEqual([id, id])
      expect(seen.matchRoute('/hello/you')).toMatchObject({ value: { id }, parameters: ['name', 'you'] })
    }
    expect(catalog.byIdOrName('__proto__')).toBeNull()
  })

  it('takes a zip as base64, wrapped lines and all, or as bytes', async () => {
    const base64 = `${zip.toString('base64').slice(0, 5)}\n${zip.toString('base64').slice(5)}`
    const one = await catalog.create({ name: 'one', runtime: 'nodejs20.x', zip: base64, handler: 'app/main.run' })
    const two = await catalog.create({ name: 'two', language: 'javascript' }, zip)
    expect(one.latest.config.code).toEqual({ ...two.latest.config.code, inline: null })
    expect([one.latest.config.handler, two.latest.config.handler]).toEqual(['app/main.run', 'index.handler'])
    expect(artifacts.packages.get(one.latest.config.code.sha256)).toEqual(zip)
  })

  it('calls the inline function that is named', async () => {
    const record = await catalog.create({ ...hello, function_name: 'add' })
    expect(record.latest.config.handler).toBe('index.add')
  })

  it('is refused with every fault at once', async () => {
    const { code, paths } = await refusal(
      catalog.create({
        name: 'no spaces',
        description: 'x'.repeat(300),
        runtime: 'cobol',
        timeout: -1,
        memory: 1.5,
        env: { '1A': 'x', AWS_REGION: 'mars', GOOD: 7, NUL: 'a\0b' },
        route: 'no-slash',
        access: 'everyone',
        isolation: 'magic',
        network: 'all',
        handler: 'nothing',
        memroy: 1,
      }),
    )
    expect(code).toBe('invalid_request')
    expect(paths.sort()).toEqual(
      [
        ...['access', 'code', 'description', 'env.1A', 'env.AWS_REGION', 'env.GOOD', 'env.NUL', 'handler'],
        ...['isolation', 'memory', 'memroy', 'name', 'network', 'route', 'runtime', 'timeout'],
      ].sort(),
    )
  })

  it.each([
    [{ name: '' }, 'name'],
    [{ name: 'execute' }, 'name'],
    [{ name: '../etc' }, 'name'],
    [{ name: '01934567-89ab-7000-8000-000000000000' }, 'name'],
    [{ name: 7 }, 'name'],
    [{ timeout: 0 }, 'timeout'],
    [{ timeout: 901 }, 'timeout'],
    [{ timeout: '3' }, 'timeout'],
    [{ timeout: Number.NaN }, 'timeout'],
    [{ timeout: null }, 'timeout'],
    [{ memory: 63 }, 'memory'],
    [{ memory: 10_241 }, 'memory'],
    [{ language: 'Python' }, 'language'],
    [{ language: undefined, runtime: undefined }, 'language'],
    [{ runtime: 'nodejs20.x' }, 'runtime'],
    [{ code: '' }, 'code'],
    [{ code: undefined }, 'code'],
    [{ zip: 'UEs=' }, 'code'],
    [{ code: undefined, zip: 'not base64!' }, 'zip'],
    [{ function_name: 'a b' }, 'function_name'],
    [{ function_name: 'a', handler: 'index.b' }, 'function_name'],
    [{ code: undefined, zip: 'UEs=', function_name: 'a' }, 'function_name'],
    [{ handler: 'main.handler' }, 'handler'],
    [{ code: undefined, zip: 'UEs=', handler: '../up.handler' }, 'handler'],
    [{ code: undefined, zip: 'UEs=', handler: '/abs.handler' }, 'handler'],
    [{ env: [] }, 'env'],
    [{ env: { BIG: 'x'.repeat(4096) } }, 'env'],
    [{ description: '\ud800' }, 'description'],
    [{ route: '/a//b' }, 'route'],
  ])('is refused with %o', async (change, path) => {
    expect(await refusal(catalog.create({ ...hello, ...change }))).toMatchObject({
      code: 'invalid_request',
      paths: [path],
    })
    expect([store.rows.size, artifacts.packages.size]).toEqual([0, 0])
  })

  it('hears which runtimes there are', async () => {
    expect((await refusal(catalog.create({ ...hello, language: undefined, runtime: 'ruby' }))).message).toContain(
      'python3.11 = python; python3.12; nodejs20.x = javascript',
    )
  })

  it.each([[null], ['text'], [[]], [7]])('is refused when the body is %j', async (body) => {
    expect((await refusal(catalog.create(body))).code).toBe('invalid_request')
  })

  it('is refused walls this machine cannot build, and told why', async () => {
    const { code, message } = await refusal(catalog.create({ ...hello, isolation: 'gvisor' }))
    expect([code, message]).toEqual(['isolation_unavailable', 'gvisor cannot be had here: there is no gvisor here'])
    expect((await refusal(catalog.create({ ...hello, network: 'egress' }))).code).toBe('isolation_unavailable')
  })

  it('is not there when its package is refused or the store fails', async () => {
    expect((await refusal(catalog.create({ name: 'a', language: 'python' }, Buffer.from('no')))).code).toBe(
      'invalid_package',
    )
    store.failure = new HearthError('storage_unavailable', 'disk full')
    expect((await refusal(catalog.create(hello))).code).toBe('storage_unavailable')
    expect(catalog.byIdOrName('hello')).toBeNull()
    store.failure = null
    await catalog.create(hello)
  })
})

describe('names and routes', () => {
  it('belong to one function', async () => {
    await catalog.create({ ...hello, route: '/a/{x}' })
    expect((await refusal(catalog.create(hello))).code).toBe('name_taken')
    const second = await catalog.create({ ...hello, name: 'second', route: '/a/{x+}' })
    const taken = refusal(catalog.update(second.id, { route: '/a/{other}' }))
    expect(await taken).toMatchObject({ code: 'route_taken', message: expect.stringContaining('hello') })
    expect((await refusal(catalog.update('second', { name: 'hello' }))).code).toBe('name_taken')
  })

  it('go to one of those who ask at the same time', async () => {
    const asked = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) =>
        catalog.create({ ...hello, name: `f${index % 4}`, route: `/r/{p${index}}` }),
      ),
    )
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(store.rows.size).toBe(1)
  })

  it('are free again after a change or a removal', async () => {
    await catalog.create({ ...hello, route: '/old' })
    await catalog.update('hello', { name: 'renamed', route: '/new' })
    expect([catalog.byIdOrName('hello'), catalog.matchRoute('/old')]).toEqual([null, null])
    expect(catalog.matchRoute('/new')?.value.name).toBe('renamed')
    await catalog.update('renamed', { route: null })
    expect(catalog.matchRoute('/new')).toBeNull()
    await catalog.remove('renamed')
    expect(catalog.byIdOrName('renamed')).toBeNull()
    await catalog.create({ ...hello, route: '/old' })
  })
})

describe('an update', () => {
  it('makes a new version when code or configuration changes', async () => {
    const { id, latest } = await catalog.create(hello)
    clock.ms += 5
    const timed = await catalog.update(id, { timeout: 10 })
    expect(timed.latest).toMatchObject({ number: 2, config: { timeoutSeconds: 10, code: latest.config.code } })
    expect(timed.latest.id).not.toBe(latest.id)
    expect(timed.updatedAtMs).toBe(timed.createdAtMs + 5)
    const coded = await catalog.update(id, { code: 'def handler(e, c): return 2' })
    expect(coded.latest).toMatchObject({ number: 3, config: { timeoutSeconds: 10 } })
    expect(store.rows.get(id)).toEqual(coded)
  })

  it('keeps the version when only the doors change, or nothing', async () => {
    const { id, latest } = await catalog.create({ ...hello, env: { A1: 'x', B1: 'y' } })
    const doors = await catalog.update(id, { description: 'new', route: '/x', access: 'public' })
    expect(doors.latest).toBe(latest)
    clock.ms += 5
    const same = {
      code: hello.code,
      env: { B1: 'y', A1: 'x' },
      timeout: 3,
      runtime: 'python3.11',
      handler: 'index.handler',
    }
    expect(await catalog.update(id, same)).toBe(doors)
    expect((await catalog.update(id, { name: 'other' })).latest).toEqual({ ...latest, functionName: 'other' })
  })

  it('writes the file of inline JavaScript anew when another function of it is to be called', async () => {
    const code = 'function one() {}\nfunction two() {}'
    const before = await catalog.create({ name: 'js', language: 'javascript', code, function_name: 'one' })
    const after = await catalog.update('js', { function_name: 'two' })
    expect(after.latest.config.handler).toBe('index.two')
    expect(after.latest.config.code.inline).toBe(code)
    expect(after.latest.config.code.sha256).not.toBe(before.latest.config.code.sha256)
  })

  it('changes the language only together with the code', async () => {
    await catalog.create(hello)
    expect(await refusal(catalog.update('hello', { language: 'javascript' }))).toMatchObject({ paths: ['code'] })
    const changed = await catalog.update('hello', { language: 'javascript', code: 'exports.handler = () => 1' })
    expect(changed.latest.config.runtime).toBe('nodejs20.x')
    const newer = await catalog.update('hello', { runtime: 'python3.12', code: hello.code })
    expect((await catalog.update('hello', { language: 'python', timeout: 9 })).latest.config.runtime).toBe('python3.12')
    expect(newer.latest.number).toBe(3)
  })

  it('starts at index.handler when a zip gives way to inline code', async () => {
    await catalog.create({ name: 'zipped', language: 'python', handler: 'app.run' }, zip)
    expect((await catalog.update('zipped', { timeout: 5 })).latest.config.handler).toBe('app.run')
    expect((await catalog.update('zipped', { code: hello.code })).latest.config.handler).toBe('index.handler')
  })

  it('happens after the one before it', async () => {
    await catalog.create(hello)
    const updates = Array.from({ length: 10 }, (_, index) => catalog.update('hello', { timeout: 10 + index }))
    const numbers = (await Promise.all(updates)).map(({ latest }) => latest.number)
    expect(numbers).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(catalog.byIdOrName('hello')?.latest.config.timeoutSeconds).toBe(19)
  })

  it('changes nothing when it is refused or the store fails', async () => {
    const before = await catalog.create({ ...hello, route: '/kept' })
    expect(await refusal(catalog.update('hello', { timeout: 0, memory: 1 }))).toMatchObject({
      paths: ['timeout', 'memory'],
    })
    store.failure = new HearthError('storage_unavailable', 'disk full')
    await refusal(catalog.update('hello', { timeout: 9, route: '/moved' }))
    await refusal(catalog.remove('hello'))
    expect(catalog.byIdOrName('hello')).toBe(before)
    expect(catalog.matchRoute('/kept')?.value).toBe(before)
    expect(catalog.matchRoute('/moved')).toBeNull()
  })

  it('of what is not there is told so', async () => {
    expect((await refusal(catalog.update('nobody', {}))).code).toBe('function_not_found')
    expect((await refusal(catalog.remove('nobody'))).code).toBe('function_not_found')
  })
})

describe('a listing', () => {
  it('comes in pages that inserts and removals do not disturb', async () => {
    const make = (name: string) => catalog.create({ ...hello, name })
    for (const name of ['a', 'b', 'c', 'd', 'e']) await make(name)
    const first = catalog.list(2, null)
    expect(first.items.map(({ name }) => name)).toEqual(['a', 'b'])
    await catalog.remove('b')
    await make('f')
    await catalog.update('c', { timeout: 9 })
    const second = catalog.list(2, first.next)
    expect(second.items.map(({ name }) => name)).toEqual(['c', 'd'])
    const third = catalog.list(2, second.next)
    expect([third.items.map(({ name }) => name), third.next]).toEqual([['e', 'f'], null])
  })

  it('refuses cursors it did not make', async () => {
    for (const cursor of ['', 'x', 'YWZ0ZXI', `${Buffer.from('after a').toString('base64url')}=`]) {
      expect(() => catalog.list(2, cursor)).toThrow(HearthError)
    }
  })
})

it('sweeps code nobody uses, but never what a deploy has just stored', async () => {
  const { latest } = await catalog.create(hello)
  await catalog.update('hello', { code: 'def handler(e, c): return 2' })
  expect(await catalog.sweepCode([latest.config.code.sha256])).toBe(0)
  const deploy = catalog.create({ ...hello, name: 'late', code: 'def handler(e, c): return 3' })
  expect(await catalog.sweepCode()).toBe(0)
  const late = await deploy
  expect(await catalog.sweepCode()).toBe(1)
  expect(artifacts.packages.has(latest.config.code.sha256)).toBe(false)
  expect(artifacts.packages.has(late.latest.config.code.sha256)).toBe(true)
})
