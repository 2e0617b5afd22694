import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../domain/log.ts'
import type { Runtime } from '../../domain/runtime.ts'
import type { Sandbox } from '../../domain/sandbox.ts'
import { ProcessDriver } from './process-driver.ts'

// The guest is a shell: it runs what comes over the channel.
const shell: Runtime = {
  name: 'shell',
  language: 'python',
  languageVersion: '0',
  aliases: [],
  interpreter: '/bin/sh',
  prefixes: [],
  flags: [],
  programDir: '',
  program: '',
}

let root = ''
let driver: ProcessDriver
const never = new AbortController().signal
const limits = { memoryMb: 64, cpus: 1, processes: 30, openFiles: 100, tmpMb: 8, tmpInodes: 100 }

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hearth-process-'))
  writeFileSync(join(root, 'guest.sh'), 'echo ready >&3\nwhile read -r line <&3; do eval "$line"; done\n')
  driver = make('0123456789ab')
})
afterEach(async () => {
  await driver.close()
  rmSync(root, { recursive: true, force: true })
})

function make(bootId: string): ProcessDriver {
  const runDir = join(root, 'run', bootId)
  mkdirSync(runDir, { recursive: true })
  return new ProcessDriver({ ownerTag: 'feed0001', runDir, runtimes: { list: () => [runtime()] }, log: silentLog })
}
const runtime = (): Runtime => ({ ...shell, programDir: root, program: 'guest.sh' })

let count = 0
const create = (of = driver): Promise<Sandbox> => {
  count += 1
  return of.create({ id: `p${count}`, runtime: runtime(), limits, network: 'none', codeDir: null }, never)
}
const next = (stream: NodeJS.ReadableStream): Promise<string> =>
  new Promise((resolve) => stream.once('data', (data) => resolve(String(data))))
/** A dead process that nobody has buried yet is dead. */
const alive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

describe('the process driver', () => {
  it('probes by really starting a process, and says that it has no walls', async () => {
    const report = await driver.probe()
    expect(report).toMatchObject({ available: true, reason: null })
    expect(report.notes[0]).toContain('no walls')
  })

  it('talks over the channel and keeps output apart', async () => {
    const sandbox = await create()
    expect(await next(sandbox.channel)).toBe('ready\n')
    sandbox.channel.write('echo out; echo err >&2; echo answer >&3\n')
    expect(await Promise.all([next(sandbox.stdout), next(sandbox.stderr), next(sandbox.channel)])).toEqual([
      'out\n',
      'err\n',
      'answer\n',
    ])
  })

  it("gives nothing of the server's environment", async () => {
    process.env.HEARTH_TEST_SECRET = 'canary'
    const sandbox = await create()
    await next(sandbox.channel)
    sandbox.channel.write('env >&3\n')
    const env = await next(sandbox.channel)
    delete process.env.HEARTH_TEST_SECRET
    expect(env).not.toContain('canary')
    expect(env).not.toContain('HEARTH_')
  })

  it('injects code into a running sandbox', async () => {
    mkdirSync(join(root, 'code'))
    writeFileSync(join(root, 'code', 'app.py'), 'x')
    const sandbox = await create()
    await sandbox.inject(join(root, 'code'), limits)
    expect(readdirSync(sandbox.taskRoot)).toEqual(['app.py'])
  })

  it('tells how a process ended', async () => {
    const one = await create()
    one.channel.write('exit 7\n')
    expect(await one.exited).toMatchObject({ code: 7, signal: null, outOfMemory: false })
    const two = await create()
    two.channel.write('kill -SEGV $$\n')
    expect(await two.exited).toMatchObject({ code: null, signal: 'SIGSEGV' })
  })

  it('destroys children, folder and all', async () => {
    const sandbox = await create()
    await next(sandbox.channel)
    sandbox.channel.write('sleep 1000 & echo $! >&3\n')
    const child = Number(await next(sandbox.channel))
    expect(alive(child)).toBe(true)
    await Promise.all([sandbox.destroy('one'), sandbox.destroy('two')])
    for (let tries = 0; alive(child) && tries < 100; tries += 1) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(alive(child)).toBe(false)
    expect(readdirSync(join(root, 'run', '0123456789ab', 'process'))).toEqual([])
  })

  it('leaves nothing behind when the start is aborted', async () => {
    const aborted = AbortSignal.abort()
    await expect(
      driver.create({ id: 'gone', runtime: runtime(), limits, network: 'none', codeDir: null }, aborted),
    ).rejects.toThrow()
    expect(existsSync(join(root, 'run', '0123456789ab', 'process', 'gone'))).toBe(false)
  })

  it('sweeps what a dead server left', async () => {
    const dead = make('ba9876543210')
    const left = await create(dead)
    await next(left.channel)
    left.channel.write('echo $$ >&3\n')
    const pid = Number(await next(left.channel))
    const swept = await driver.sweep()
    expect(swept.folders).toBe(1)
    await left.exited
    expect(alive(pid)).toBe(false)
    await dead.close()
  })

  it('does not kill a stranger who has got the process id meanwhile', async () => {
    const past = join(root, 'run', 'aaaaaaaaaaaa', 'process', 'old')
    mkdirSync(past, { recursive: true })
    const stat = readFileSync('/proc/self/stat', 'utf8').trim().split(' ')
    stat[21] = '1' // started at another moment
    writeFileSync(join(past, 'identity'), stat.join(' '))
    await driver.sweep()
    expect(alive(process.pid)).toBe(true)
  })
})
