// A small host for one runtime: starts the real program over a real socket, speaks the channel, and keeps every frame
// in the order it came.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import {
  CALL_KIND,
  type CallExtras,
  type CallKind,
  FRAME,
  FRAME_HEADER_BYTES,
  FRAME_OVERHEAD_BYTES,
  type InitMessage,
  LIMITS,
} from '@hearth/protocol'

const root = fileURLToPath(new URL('../../../', import.meta.url))

export interface RuntimeUnderTest {
  readonly language: 'javascript' | 'python'
  readonly command: readonly string[]
  /** Its fixtures' handler, if they have no special one. */
  readonly handler: string
  /** The runtime's own folder, which no trace may show. */
  readonly programDir: string
}

const nodeDir = join(root, 'packages/runtime-node')
export const nodeRuntime: RuntimeUnderTest = {
  language: 'javascript',
  command: [process.env.HEARTH_TEST_NODE ?? process.execPath, join(nodeDir, 'main.mjs')],
  handler: 'index.handler',
  programDir: nodeDir,
}

const pythonDir = join(root, 'packages/runtime-python')
/** `python3` may be a shim that needs the whole environment; the interpreter behind it does not. */
const pythonPath = execFileSync(process.env.HEARTH_TEST_PYTHON ?? 'python3', [
  '-c',
  'import sys; print(sys.executable)',
])
export const pythonRuntime: RuntimeUnderTest = {
  language: 'python',
  command: [pythonPath.toString().trim(), '-I', '-S', join(pythonDir, 'main.py')],
  handler: 'app.handler',
  programDir: pythonDir,
}

export interface Frame {
  readonly type: number
  readonly sequence: number
  readonly nonce: number
  readonly payload: Buffer
}

export interface Answer {
  readonly status: number
  readonly flags: number
  readonly body: Buffer
  readonly text: string
}

export interface CallOptions {
  readonly kind?: CallKind
  readonly timeoutMs?: number
  readonly requestId?: string
  readonly extras?: CallExtras
}

export const requestId = '0193a5b2-7c4d-7e8f-8a9b-0c1d2e3f4a5b'
export const boundary = '5eC'.padEnd(32, '7').toLowerCase()

const running = new Set<Guest>()

/** For `afterEach`: nothing outlives its test. */
export async function endAllGuests(): Promise<void> {
  await Promise.all([...running].map((guest) => guest.kill()))
}

export class Guest {
  readonly process: ChildProcess
  readonly frames: Frame[] = []
  readonly exited: Promise<{ code: number | null; signal: string | null }>
  stdout = ''
  stderr = ''
  /** Set when what came is no frame at all. */
  garbage = false
  readonly #runtime: RuntimeUnderTest
  readonly #channel: Duplex
  #bytes = Buffer.alloc(0)
  #sequence = 0
  #onChange: (() => void)[] = []
  #closed = false

  private constructor(runtime: RuntimeUnderTest, child: ChildProcess, channel: Duplex) {
    this.#runtime = runtime
    this.process = child
    this.#channel = channel
    running.add(this)
    channel.on('data', (chunk: Buffer) => this.#feed(chunk))
    channel.on('error', () => {})
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#change(() => (this.stdout += text)))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#change(() => (this.stderr += text)))
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        running.delete(this)
        this.#change(() => {
          this.#closed = true
        })
        resolve({ code, signal })
      })
    })
  }

  /** Over an inherited socket, as most drivers do. */
  static start(runtime: RuntimeUnderTest): Guest {
    const [command = '', ...args] = runtime.command
    const child = spawn(command, [...args, 'fd:3'], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { SECRET_OF_THE_HOST: 'must not be seen', PATH: '/usr/bin:/bin' },
    })
    return new Guest(runtime, child, child.stdio[3] as Duplex)
  }

  static async startOverUnixSocket(runtime: RuntimeUnderTest): Promise<Guest> {
    const folder = mkdtempSync(join(tmpdir(), 'hearth-runtime-'))
    const path = join(folder, 'channel.sock')
    const server = createServer().listen(path)
    await once(server, 'listening')
    const [command = '', ...args] = runtime.command
    const child = spawn(command, [...args, `unix:${path}`], { stdio: ['ignore', 'pipe', 'pipe'], env: {} })
    const [channel] = (await once(server, 'connection')) as [Duplex]
    server.close()
    rmSync(folder, { recursive: true })
    return new Guest(runtime, child, channel)
  }

  /** Started, and bound to a function of the museum. */
  static async withFunction(
    runtime: RuntimeUnderTest,
    fixture: string,
    init: Partial<InitMessage> = {},
  ): Promise<Guest> {
    const guest = Guest.start(runtime)
    guest.init(fixture, init)
    await guest.frame(FRAME.inited)
    return guest
  }

  init(fixture: string, overrides: Partial<InitMessage> = {}): void {
    const message: InitMessage = {
      taskRoot: join(root, 'test/functions', fixture),
      handler: this.#runtime.handler,
      env: { PATH: '/usr/bin:/bin', TZ: ':UTC', GREETING: 'hello' },
      functionName: 'museum',
      functionVersion: '7',
      invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:museum',
      memoryMb: 128,
      logGroup: '/aws/lambda/museum',
      logStream: '2026/11/21/[7]0123456789abcdef0123456789abcdef',
      boundary,
      answerBytesMax: LIMITS.answerBytesMax,
      ...overrides,
    }
    this.send(FRAME.init, 0, 0, Buffer.from(JSON.stringify(message)))
  }

  send(type: number, sequence: number, nonce: number, payload: Buffer): void {
    this.#channel.write(encodeFrame(type, sequence, nonce, payload))
  }

  sendRaw(bytes: Buffer): void {
    this.#channel.write(bytes)
  }

  /** The host goes away. */
  hangUp(): void {
    this.#channel.destroy()
  }

  async call(event: unknown, options: CallOptions = {}): Promise<Answer> {
    const [answer] = this.callAhead([event], options)
    return answer as Promise<Answer>
  }

  /** Several calls in one write: all but the first wait in the channel. Texts and bytes go as they are. */
  callAhead(events: readonly unknown[], options: CallOptions = {}): Promise<Answer>[] {
    const frames = events.map((event) => {
      this.#sequence++
      const body = Buffer.isBuffer(event) ? event : Buffer.from(JSON.stringify(event))
      return encodeFrame(FRAME.call, this.#sequence, nonceOf(this.#sequence), encodeCall(body, options))
    })
    const first = this.#sequence - events.length + 1
    this.#channel.write(Buffer.concat(frames))
    return events.map((_, index) => this.#answer(first + index))
  }

  /** The first frame of a type (of a call), as soon as it is there. */
  frame(type: number, sequence = 0): Promise<Frame> {
    return this.until(`a frame of type ${type} for call ${sequence}`, () =>
      this.frames.find((frame) => frame.type === type && frame.sequence === sequence),
    )
  }

  /** Resolves when `find` finds something; rejects when the guest has ended without it. */
  until<T>(what: string, find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find()
        if (found !== undefined && found !== false) resolve(found)
        else if (this.#closed) reject(new Error(`the guest ended without ${what}; it said: ${this.stderr}`))
        else this.#onChange.push(look)
      }
      look()
    })
  }

  /** What a call printed on a stream, up to its boundary line; starts where the one before ended. */
  async printed(stream: 'stdout' | 'stderr', sequence: number): Promise<string> {
    const end = `\0${boundary}:${sequence}\n`
    const text = await this.until(`a boundary on ${stream}`, () =>
      this[stream].includes(end) ? this[stream] : undefined,
    )
    const before = text.slice(0, text.indexOf(end))
    const last = before.lastIndexOf(`\0${boundary}:`)
    return last < 0 ? before : before.slice(before.indexOf('\n', last) + 1)
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.exited
    this.#channel.destroy()
  }

  async #answer(sequence: number): Promise<Answer> {
    const { payload, nonce } = await this.frame(FRAME.answer, sequence)
    if (nonce !== nonceOf(sequence)) throw new Error(`an answer came with the nonce ${nonce}`)
    const body = payload.subarray(2)
    return { status: payload.readUInt8(0), flags: payload.readUInt8(1), body, text: body.toString() }
  }

  #feed(chunk: Buffer): void {
    this.#change(() => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      while (this.#bytes.length >= FRAME_HEADER_BYTES && !this.garbage) {
        const total = this.#bytes.readUInt32BE(0) + 4
        this.garbage = total > 64 * 1024 * 1024
        if (this.#bytes.length < total) return
        this.frames.push({
          type: this.#bytes.readUInt8(4),
          sequence: this.#bytes.readUInt32BE(5),
          nonce: this.#bytes.readUInt32BE(9),
          payload: this.#bytes.subarray(FRAME_HEADER_BYTES, total),
        })
        this.#bytes = this.#bytes.subarray(total)
      }
    })
  }

  #change(apply: () => void): void {
    apply()
    const looks = this.#onChange
    this.#onChange = []
    for (const look of looks) look()
  }
}

export const nonceOf = (sequence: number): number => (sequence * 2_654_435_761) >>> 0

export function encodeFrame(type: number, sequence: number, nonce: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES)
  header.writeUInt32BE(FRAME_OVERHEAD_BYTES + payload.length, 0)
  header.writeUInt8(type, 4)
  header.writeUInt32BE(sequence, 5)
  header.writeUInt32BE(nonce, 9)
  return Buffer.concat([header, payload])
}

export function encodeCall(body: Buffer, options: CallOptions = {}): Buffer {
  const id = Buffer.from(options.requestId ?? requestId)
  const extras = options.extras === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(options.extras))
  const head = Buffer.alloc(8)
  head.writeUInt8(options.kind ?? CALL_KIND.event, 0)
  head.writeUInt32BE(options.timeoutMs ?? 3_000, 1)
  head.writeUInt8(id.length, 5)
  head.writeUInt16BE(extras.length, 6)
  return Buffer.concat([head.subarray(0, 6), id, head.subarray(6), extras, body])
}

export interface HttpRequestParts {
  readonly method?: string
  readonly path?: string
  readonly query?: string
  readonly parameters?: readonly string[]
  readonly headers?: readonly string[]
  readonly body?: Buffer | string
}

/** The body of a call of kind http. */
export function encodeHttp(request: HttpRequestParts): Buffer {
  const parameters = request.parameters ?? []
  const head = Buffer.from(
    [
      request.method ?? 'GET',
      request.path ?? '/',
      request.query ?? '',
      'HTTP/1.1',
      '127.0.0.1',
      'museum.localhost',
      'abcdef',
      String(Date.UTC(2026, 7, 5, 8, 14, 39, 123)),
      String(parameters.length / 2),
      ...parameters,
      ...(request.headers ?? []),
    ].join('\0'),
    'latin1',
  )
  const length = Buffer.alloc(4)
  length.writeUInt32BE(head.length, 0)
  return Buffer.concat([length, head, Buffer.from(request.body ?? '')])
}

export interface HttpAnswerParts {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer
}

export function decodeHttp(body: Buffer): HttpAnswerParts {
  const headEnd = 4 + body.readUInt32BE(0)
  const [status, ...fields] = body.toString('latin1', 4, headEnd).split('\0')
  const headers: [string, string][] = []
  for (let i = 0; i < fields.length; i += 2) headers.push([fields[i] as string, fields[i + 1] as string])
  return { status: Number(status), headers, body: body.subarray(headEnd) }
}
