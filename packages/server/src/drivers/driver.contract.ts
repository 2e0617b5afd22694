// What every driver does, whatever its walls are made of. Each runs this suite with a guest that is a plain shell; what is
// special about its walls is tested beside it.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Runtime } from '../domain/runtime.ts'
import type { Sandbox, SandboxDriver, SandboxLimits } from '../domain/sandbox.ts'

export interface DriverUnderTest {
  /** Makes a driver for a server life with this run folder. */
  readonly make: (runDir: string, ownerTag: string, runtimes: { list(): readonly Runtime[] }) => SandboxDriver
}

const shell: Runtime = {
  name: 'shell',
  language: 'python',
  languageVersion: '0',
  aliases: [],
  interpreter: realpathSync('/bin/sh'),
  prefixes: [],
  flags: [],
  programDir: fileURLToPath(new URL('../../test/shell-guest', import.meta.url)),
  program: 'guest.sh',
}

const limits: SandboxLimits = { memoryMb: 64, cpus: 1, processes: 40, openFiles: 128, tmpMb: 8, tmpInodes: 100 }
const never = new AbortController().signal
const lives = ['0123456789ab', 'ba9876543210'] as const

export function describeDriver(name: string, { make }: DriverUnderTest): void {
  describe(`${name}: a driver`, () => {
    let root = ''
    let ownerTag = ''
    let driver: SandboxDriver
    let count = 0
    beforeEach(() => {
      root = mkdtempSync(join(tmpdir(), 'hearth-driver-'))
      ownerTag = Math.floor(Math.random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0')
      driver = life(lives[0])
    })
    afterEach(async () => {
      await driver.close()
      rmSync(root, { recursive: true, force: true })
    })

    const life = (bootId: string): SandboxDriver => {
      const runDir = join(root, 'run', bootId)
      mkdirSync(runDir, { recursive: true, mode: 0o700 })
      return make(runDir, ownerTag, { list: () => [shell] })
    }
    const create = async (some: Partial<SandboxLimits> = {}, by = driver): Promise<Guest> => {
      count += 1
      const spec = {
        id: `guest-${count}`,
        runtime: shell,
        limits: { ...limits, ...some },
        network: 'none' as const,
        codeDir: null,
      }
      const guest = new Guest(await by.create(spec, never))
      expect(await guest.hear()).toBe('ready')
      return guest
    }

    it('probes by really starting something, and says how long that took', async () => {
      const report = await driver.probe()
      expect(report).toMatchObject({ available: true, reason: null })
      expect(report.startMs).toBeGreaterThan(0)
    })

    it('keeps channel, stdout and stderr apart', async () => {
      const guest = await create()
      guest.say('echo out; echo err >&2; echo answer >&3')
      expect(await guest.hear()).toBe('answer')
      expect([await once(guest.sandbox.stdout), await once(guest.sandbox.stderr)]).toEqual(['out\n', 'err\n'])
    })

    it("shows the guest nothing of the server's environment", async () => {
      process.env.HEARTH_TEST_CANARY = 'canary-in-the-environment'
      try {
        expect(await (await create()).ask('env | tr "\\n" " "')).not.toContain('canary')
      } finally {
        delete process.env.HEARTH_TEST_CANARY
      }
    })

    it('injects code into a guest that is running already', async () => {
      const code = join(root, 'code')
      mkdirSync(join(code, 'lib'), { recursive: true })
      writeFileSync(join(code, 'app.py'), 'the code')
      writeFileSync(join(code, 'lib', 'part.py'), 'a part')
      const guest = await create()
      await guest.sandbox.inject(code, limits)
      const at = guest.sandbox.taskRoot
      expect(await guest.ask(`cat ${at}/app.py; echo; cat ${at}/lib/part.py`)).toBe('the code a part')
    })

    it('tells how the guest ended', async () => {
      const exits = await create()
      exits.say('exit 7')
      expect(await exits.sandbox.exited).toEqual({ code: 7, signal: null, outOfMemory: false })
      const dies = await create()
      dies.say('kill -SEGV $$')
      expect(await dies.sandbox.exited).toEqual({ code: null, signal: 'SIGSEGV', outOfMemory: false })
    })

    it('ends everything the guest has started, however it hides', async () => {
      const guest = await create()
      const mark = `sleep-${ownerTag}`
      guest.say(
        `trap "" TERM HUP INT; (exec -a x sleep 1 2>/dev/null); setsid sh -c 'trap "" TERM HUP; : ${mark}; while :; do sleep 1000; done' & echo up >&3`,
      )
      expect(await guest.hear()).toBe('up')
      await until(() => processesNaming(mark) > 0)
      await guest.sandbox.destroy('the test is over')
      await until(() => processesNaming(mark) === 0)
    })

    it('may be told to destroy twice, and does it once', async () => {
      const { sandbox } = await create()
      await Promise.all([sandbox.destroy('one'), sandbox.destroy('two')])
      await sandbox.destroy('three')
      expect((await sandbox.exited).signal).toBe('SIGKILL')
    })

    it('leaves nothing of a start that was aborted', async () => {
      const spec = { id: 'aborted', runtime: shell, limits, network: 'none' as const, codeDir: null }
      await expect(driver.create(spec, AbortSignal.abort())).rejects.toThrow()
      expect(foldersNamed(root, 'aborted')).toEqual([])
    })

    it('ends a guest that takes more memory than it may, and says that this was why', async (context) => {
      if (driver.capabilities.limits.memory !== 'enforced')
        return context.skip('this place cannot limit the memory of a whole sandbox')
      const guest = await create()
      guest.say('x=$(head -c 300000000 /dev/zero | tr "\\0" x); echo "${#x}" >&3')
      expect((await guest.sandbox.exited).outOfMemory).toBe(true)
    })

    it('bounds the number of processes', async (context) => {
      if (driver.capabilities.limits.processes !== 'enforced')
        return context.skip('this place cannot limit the number of processes')
      const guest = await create({ processes: 20 })
      guest.say('i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i+1)); echo $i >&3; done')
      let most = 0
      guest.onLine = (line) => {
        most = Math.max(most, Number(line))
      }
      await Promise.race([guest.sandbox.exited, new Promise((resolve) => setTimeout(resolve, 1_000))])
      expect(most).toBeGreaterThan(5)
      expect(most).toBeLessThan(25)
    })

    it('stops a frozen guest and lets a thawed one go on', async (context) => {
      if (driver.capabilities.freeze === 'none') return context.skip('this place cannot freeze')
      const guest = await create()
      const beats = (): Promise<number> => new Promise((resolve) => setTimeout(() => resolve(seen), 200))
      let seen = 0
      guest.onLine = () => {
        seen += 1
      }
      guest.say('(while :; do echo beat >&3; sleep 0.01; done) &')
      await until(() => seen > 0)
      await guest.sandbox.freeze()
      const frozen = await beats()
      expect(await beats()).toBe(frozen)
      await guest.sandbox.thaw()
      await until(() => seen > frozen)
    })

    it('destroys a frozen guest', async (context) => {
      if (driver.capabilities.freeze === 'none') return context.skip('this place cannot freeze')
      const { sandbox } = await create()
      await sandbox.freeze()
      await sandbox.destroy('frozen')
      await sandbox.exited
    })

    it('counts what a guest uses, where it can', async (context) => {
      if (driver.capabilities.limits.memory !== 'enforced')
        return context.skip('without control groups nothing is counted')
      const guest = await create()
      const before = guest.sandbox.stats()
      await guest.ask('i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done')
      const after = guest.sandbox.stats()
      expect(after.cpuMicros).toBeGreaterThan(before.cpuMicros ?? Number.NaN)
      expect(after.memoryMaxBytes).toBeGreaterThan(100_000)
      expect(after.oomKills).toBe(0)
    })

    it('leaves nothing when it is closed', async () => {
      const guests = await Promise.all([create(), create(), create()])
      await driver.close()
      await Promise.all(guests.map(({ sandbox }) => sandbox.exited))
      expect(foldersNamed(root, 'guest-')).toEqual([])
    })

    it('sweeps what a server that is gone left behind', async () => {
      const gone = life(lives[1])
      const guest = await create({}, gone)
      const swept = await driver.sweep()
      expect(swept.folders).toBeGreaterThan(0)
      await guest.sandbox.exited
      expect(existsSync(join(root, 'run', lives[1], driver.isolation))).toBe(false)
      await gone.close()
    })
  })
}

/** The other end of a sandbox's channel, line by line. */
class Guest {
  readonly sandbox: Sandbox
  onLine: (line: string) => void
  readonly #heard: string[] = []
  #waiting: ((line: string) => void) | null = null
  #rest = ''

  constructor(sandbox: Sandbox) {
    this.sandbox = sandbox
    this.onLine = (line) => {
      const waiting = this.#waiting
      this.#waiting = null
      if (waiting === null) this.#heard.push(line)
      else waiting(line)
    }
    sandbox.channel.on('data', (chunk: Buffer) => {
      const lines = (this.#rest + chunk).split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) this.onLine(line)
    })
    sandbox.channel.on('error', () => {})
    sandbox.stdout.pause()
    sandbox.stderr.pause()
  }

  say(line: string): void {
    this.sandbox.channel.write(`${line}\n`)
  }

  hear(): Promise<string> {
    const line = this.#heard.shift()
    if (line !== undefined) return Promise.resolve(line)
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  /** What a command prints, on one line. */
  ask(command: string): Promise<string> {
    this.say(`echo $(${command}) >&3`)
    return this.hear()
  }
}

const once = (stream: NodeJS.ReadableStream): Promise<string> =>
  new Promise((resolve) => {
    stream.once('data', (data) => resolve(String(data)))
    stream.resume()
  })

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries > 500) throw new Error('it did not happen')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

function processesNaming(mark: string): number {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && read(`/proc/${pid}/cmdline`).includes(mark)).length
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const foldersNamed = (root: string, part: string): string[] =>
  (readdirSync(root, { recursive: true }) as string[]).filter((path) => path.split('/').at(-1)?.startsWith(part))
