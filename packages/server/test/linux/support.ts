// A linux driver in a folder of its own, guests that do as they are told, and a look at what is left afterwards.

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Log } from '../../src/domain/log.ts'
import type { Runtime } from '../../src/domain/runtime.ts'
import type { Sandbox, SandboxLimits, SandboxSpec } from '../../src/domain/sandbox.ts'
import { findPythons } from '../../src/drivers/linux/find-python.ts'
import { LinuxDriver, type LinuxDriverOptions } from '../../src/drivers/linux/linux-driver.ts'
import { detectCgroups } from '../../src/lib/cgroup/detect-cgroups.ts'

export const isRoot = process.getuid?.() === 0
export const cgroups = detectCgroups()
export const usable = process.platform === 'linux' && (!isRoot || cgroups.host !== null)
if (!usable) console.log(`skipped: no sandboxes here: ${cgroups.reason ?? process.platform}`)

const programDir = dirname(fileURLToPath(import.meta.url))

const runtime = (language: Runtime['language'], path: string, program: string, flags: string[]): Runtime => {
  const interpreter = realpathSync(path)
  return {
    name: language,
    language,
    languageVersion: '0',
    aliases: [],
    interpreter,
    prefixes: interpreter.startsWith('/usr/') ? [] : [dirname(dirname(interpreter))],
    flags,
    programDir,
    program,
  }
}

export const python = runtime('python', findPythons([])[0] ?? '/usr/bin/python3', 'guest.py', ['-I', '-S'])
export const node = runtime('javascript', process.execPath, 'guest.mjs', [])

export const limits: SandboxLimits = {
  memoryMb: 128,
  cpus: 1,
  processes: 40,
  openFiles: 256,
  tmpMb: 8,
  tmpInodes: 100,
}

/** What the driver says, for tests about it; errors are shown, because a test that fails needs them. */
const testLog: Log = {
  debug: () => {},
  info: () => {},
  warn: (fields, message) => console.log('warn', message, fields),
  error: (fields, message) => console.log('error', message, fields),
}

export class Place {
  readonly ownerTag = Math.floor(Math.random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0')
  readonly folder = mkdtempSync(join(tmpdir(), 'hearth-linux-'))
  readonly runDir = join(this.folder, 'run', '0123456789ab')
  readonly driver: LinuxDriver
  #ids = 0

  constructor(options: Partial<LinuxDriverOptions> = {}) {
    mkdirSync(this.runDir, { recursive: true, mode: 0o700 })
    const { ownerTag, runDir } = this
    this.driver = new LinuxDriver({
      ownerTag,
      runDir,
      runtimes: { list: () => [python, node] },
      log: testLog,
      ...options,
    })
  }

  /** A directory with code, as the artifact store keeps it: readable by all, beneath a folder that is not. */
  codeDir(name = 'code'): string {
    const path = join(this.folder, name)
    mkdirSync(path, { recursive: true })
    chmodSync(path, 0o755)
    return path
  }

  async start(change: Partial<SandboxSpec> = {}): Promise<Guest> {
    const spec: SandboxSpec = {
      id: `test-${++this.#ids}`,
      runtime: python,
      limits,
      network: 'none',
      codeDir: null,
      ...change,
    }
    return Guest.meet(await this.driver.create(spec, new AbortController().signal))
  }

  /** Ends everything; says what is left nevertheless. */
  async close(): Promise<string[]> {
    await this.driver.close()
    const left = [
      ...(cgroups.host?.list(`hearth/${this.ownerTag}`) ?? []),
      ...readdirSync('/sys/class/net').filter((name) => name.startsWith(`h${this.ownerTag}`)),
      ...readdirSync(this.runDir),
      ...hostPids((line) => line.includes(this.runDir)),
    ]
    rmSync(this.folder, { recursive: true })
    return left.map(String)
  }
}

/** Processes on the host whose command line satisfies the test. */
const hostPids = (matches: (commandLine: string) => boolean): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && matches(readProc(name, 'cmdline')))
    .map(Number)

/** Processes on the host that are in this sandbox's control groups. */
export const pidsOf = (sandboxId: string, ownerTag: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && readProc(name, 'cgroup').includes(`/${ownerTag}/${sandboxId}`))
    .map(Number)

export const readProc = (pid: number | string, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return '' // it ended meanwhile
  }
}

export const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readProc(pid, 'status'))

interface Reply {
  readonly answer?: unknown
  readonly error?: string
}

/** The host's side of guest.py and guest.mjs. */
export class Guest {
  readonly sandbox: Sandbox
  stdout = ''
  stderr = ''
  #rest: Buffer = Buffer.alloc(0)
  readonly #waiting: ((reply: Reply) => void)[] = []

  static async meet(sandbox: Sandbox): Promise<Guest> {
    const guest = new Guest(sandbox)
    const early = sandbox.exited.then((exit) => {
      throw new Error(`the guest ended early: ${JSON.stringify(exit)} ${guest.stderr}`)
    })
    await Promise.race([guest.#next(), early])
    early.catch(() => {})
    return guest
  }

  private constructor(sandbox: Sandbox) {
    this.sandbox = sandbox
    sandbox.stdout.on('data', (bytes) => {
      this.stdout += bytes
    })
    sandbox.stderr.on('data', (bytes) => {
      this.stderr += bytes
    })
    sandbox.channel.on('data', (bytes: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, bytes])
      while (this.#rest.length >= 4 && this.#rest.length >= 4 + this.#rest.readUInt32BE()) {
        const end = 4 + this.#rest.readUInt32BE()
        this.#waiting.shift()?.(JSON.parse(this.#rest.toString('utf8', 4, end)))
        this.#rest = this.#rest.subarray(end)
      }
    })
  }

  /** Runs source inside (Python sets `answer`; Node returns it). */
  async run(source: string): Promise<unknown> {
    this.tell(source)
    const ended = this.sandbox.exited.then((exit) => ({
      error: `the guest ended: ${JSON.stringify(exit)}`,
      answer: null,
    }))
    const { answer, error } = await Promise.race([this.#next(), ended])
    if (error !== undefined) throw new Error(error)
    return answer
  }

  /** Without waiting for an answer, where none can come. */
  tell(source: string): void {
    const text = Buffer.from(source)
    const head = Buffer.alloc(4)
    head.writeUInt32BE(text.length)
    this.sandbox.channel.write(Buffer.concat([head, text]))
  }

  #next(): Promise<Reply> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

export const eventually = async (what: string, holds: () => boolean): Promise<void> => {
  const giveUpMs = performance.now() + 10_000
  while (!holds()) {
    if (performance.now() > giveUpMs) throw new Error(`still not: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
