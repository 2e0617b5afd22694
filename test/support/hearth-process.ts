// A real Hearth in a process of its own: fresh data folder, free ports, its own admin key. Tests talk to it as users do.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FunctionInput, FunctionView, InvocationWithLogs } from '@hearth/protocol'

const mainProgram = fileURLToPath(new URL('../../packages/server/dist/main.js', import.meta.url))
const museum = new URL('../functions/', import.meta.url)

export const adminKey = 'an-admin-key-for-tests-only'

export interface Ready {
  readonly control: string
  readonly functions: string
  readonly pid: number
  readonly isolation: string
}

export interface Answer<T = unknown> {
  readonly status: number
  readonly headers: Headers
  readonly body: T
  readonly text: string
}

export class HearthProcess {
  readonly dataDir: string
  readonly #settings: Record<string, string>
  #child: ChildProcess | null = null
  #ready: Ready | null = null
  #stderr = ''

  constructor(settings: Record<string, string> = {}, dataDir = mkdtempSync(join(tmpdir(), 'hearth-test-'))) {
    this.#settings = settings
    this.dataDir = dataDir
  }

  static async start(settings: Record<string, string> = {}): Promise<HearthProcess> {
    const hearth = new HearthProcess(settings)
    await hearth.start()
    return hearth
  }

  get ready(): Ready {
    if (this.#ready === null) throw new Error('Hearth is not running')
    return this.#ready
  }

  /** What the server said on stderr, for the message of a failing test. */
  get stderr(): string {
    return this.#stderr
  }

  async start(): Promise<Ready> {
    const child = spawn(process.execPath, [mainProgram, '--ready-json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        HEARTH_DATA_DIR: this.dataDir,
        HEARTH_PORT: '0',
        HEARTH_FUNCTIONS_PORT: '0',
        HEARTH_ADMIN_KEY: adminKey,
        HEARTH_LOG_LEVEL: 'warn',
        ...this.#settings,
      },
    })
    this.#child = child
    child.stderr?.on('data', (chunk) => {
      this.#stderr += chunk
    })
    this.#ready = await new Promise<Ready>((resolve, reject) => {
      let text = ''
      child.stdout?.on('data', (chunk) => {
        text += chunk
        const line = text
          .split('\n')
          .find((candidate) => candidate.startsWith('{"ready":true') && candidate.endsWith('}'))
        if (line !== undefined) resolve(JSON.parse(line))
      })
      child.once('exit', (code, signal) =>
        reject(new Error(`Hearth ended (${code ?? signal}) before it was ready:\n${this.#stderr}`)),
      )
    })
    return this.#ready
  }

  /** Ends the server and says how it ended. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string | null> {
    const child = this.#child
    if (child === null) return null
    this.#child = null
    this.#ready = null
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode
    const ended = new Promise<number | string | null>((resolve) =>
      child.once('exit', (code, by) => resolve(code ?? by)),
    )
    child.kill(signal)
    return await ended
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  async remove(): Promise<void> {
    await this.end()
    rmSync(this.dataDir, { recursive: true, force: true })
  }

  async api<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    return await send<T>(method, this.ready.control + path, body, { authorization: `Bearer ${adminKey}`, ...headers })
  }

  /** Calls a function's own route on the functions port. */
  async route<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    return await send<T>(method, this.ready.functions + path, body, headers)
  }

  async deploy(input: Partial<FunctionInput> & { name: string }): Promise<FunctionView> {
    const answer = await this.api<FunctionView>('POST', '/functions', input)
    if (answer.status !== 201) throw new Error(`deploy of ${input.name}: ${answer.status} ${answer.text}`)
    return answer.body
  }

  async invoke<T = unknown>(
    name: string,
    event: unknown = {},
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    return await this.api<T>('POST', `/functions/${name}/invoke`, event, headers)
  }

  /** The record of an invocation, with its logs; waits until the logs are there. */
  async invocation(
    requestId: string,
    complete: (found: InvocationWithLogs) => boolean = () => true,
  ): Promise<InvocationWithLogs> {
    return await eventually(async () => {
      const { status, body } = await this.api<InvocationWithLogs>('GET', `/invocations/${requestId}`)
      return status === 200 && complete(body) ? body : null
    })
  }
}

async function send<T>(
  method: string,
  url: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<Answer<T>> {
  const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: { ...(raw ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: raw ? (body as string | Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
  })
  const text = await response.text()
  let parsed: unknown = text
  try {
    parsed = JSON.parse(text)
  } catch {
    // Not JSON: the text is the body.
  }
  return { status: response.status, headers: response.headers, body: parsed as T, text }
}

/** Asks again until there is an answer. A bound on the number of tries, not on time: machines are noisy. */
export async function eventually<T>(ask: () => Promise<T | null> | T | null, tries = 400): Promise<T> {
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const answer = await ask()
    if (answer !== null) return answer
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`it did not happen within ${tries} tries`)
}

/** Source of a fixture of the museum. */
export const exhibit = (name: string, file: string): string => readFileSync(new URL(`${name}/${file}`, museum), 'utf8')
