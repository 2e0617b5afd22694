// The host's side of the conversation with one runtime. It sends calls ahead, and learns from the guest's frames which
// of them began and how they ended. Whatever the guest does wrong ends the session: a stranger gets no second chance.
//
// | state   | means                                  | leaves it                                        |
// |---------|----------------------------------------|--------------------------------------------------|
// | booting | the runtime has not spoken             | READY -> ready                                   |
// | ready   | generic: bound to no version           | load() -> loading                                |
// | loading | user code is being loaded              | INITED -> open, INIT_FAILED -> ended             |
// | open    | takes calls, runs them in order        | -                                                |
// | ended   | by death, deadline, violation or end() | never                                            |

import { randomBytes } from 'node:crypto'
import { type CallExtras, type CallKind, CHANNEL_VERSION, FRAME, type InitMessage, LIMITS } from '@hearth/protocol'
import type { Clock } from '../domain/clock.ts'
import type { CapturedLogs } from '../domain/invocation.ts'
import type { CrashCause, Outcome } from '../domain/outcome.ts'
import type { Sandbox, SandboxExit } from '../domain/sandbox.ts'
import { type Answer, readAnswer } from './answer.ts'
import { encodeCallHead } from './call-head.ts'
import { FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import { LogCollector } from './log-collector.ts'

export interface SessionCall {
  readonly kind: CallKind
  readonly timeoutMs: number
  readonly requestId: string
  readonly extras: CallExtras | null
  readonly body: Uint8Array
  /** Told once. */
  onEnd(end: CallEnd): void
  /** Told once, soon after `onEnd`, with everything the call printed; not told for a call that never started. */
  onLogs(logs: CapturedLogs): void
}

export type CallEnd =
  | { readonly kind: 'outcome'; readonly outcome: Outcome; readonly runMs: number }
  /**
   * The session ended before the guest began this call: it may run elsewhere. `next` says that it was this call's
   * turn, so the end may have to do with it; `outcome` is what to answer if that happens again and again.
   */
  | { readonly kind: 'not-started'; readonly next: boolean; readonly outcome: Outcome }

export type LoadEnd = { readonly kind: 'loaded' } | { readonly kind: 'outcome'; readonly outcome: Outcome }

export type SessionState = 'booting' | 'ready' | 'loading' | 'open' | 'ended'

interface OpenCall {
  readonly call: SessionCall
  readonly sequence: number
  readonly nonce: number
  /**
   * By the host's clock, when it became the next to run. Its deadline and its duration count from here and not from the
   * guest's word that it began, or a guest could give itself time.
   */
  sinceMs: number
  started: boolean
}

/** How long a guest that closed its channel may take to exit before the closing itself counts as the cause. */
const exitPatienceMs = 250

export class Session {
  readonly sandbox: Sandbox
  readonly #clock: Clock
  readonly #reader: FrameReader
  readonly #writer: FrameWriter
  readonly #logs: LogCollector
  readonly #boundary = randomBytes(16).toString('hex')
  readonly #onEnded: (why: string) => void
  #state: SessionState = 'booting'
  /** Calls handed to the guest and not yet answered, in the order they run. */
  #open: OpenCall[] = []
  #sequence = 0
  #timer: NodeJS.Timeout | null = null
  #timerAtMs = 0
  #onReady: ((end: 'ready' | Outcome) => void) | null = null
  #onLoaded: ((end: LoadEnd) => void) | null = null
  #ending = false

  /** `onEnded` is told once; the owner then destroys the sandbox. */
  constructor(sandbox: Sandbox, clock: Clock, onEnded: (why: string) => void) {
    this.sandbox = sandbox
    this.#clock = clock
    this.#onEnded = onEnded
    this.#logs = new LogCollector(this.#boundary, () => clock.wallMs())
    this.#writer = new FrameWriter(sandbox.channel)
    this.#reader = new FrameReader(LIMITS.answerBytesMax + LIMITS.headBytesMax + 64, {
      onFrame: (type, sequence, nonce, payload) => this.#onFrame(type, sequence, nonce, payload),
      onViolation: (violation) => this.#condemn(violation),
    })
    sandbox.channel.on('data', (chunk: Buffer) => this.#reader.feed(chunk))
    sandbox.channel.on('close', () => this.#onChannelGone())
    sandbox.channel.on('end', () => this.#onChannelGone())
    sandbox.channel.on('error', () => this.#onChannelGone())
    sandbox.stdout.on('data', (chunk: Buffer) => this.#logs.feed('stdout', chunk))
    sandbox.stderr.on('data', (chunk: Buffer) => this.#logs.feed('stderr', chunk))
    sandbox.stdout.on('error', () => {})
    sandbox.stderr.on('error', () => {})
    void sandbox.exited.then((exit) => this.#onExit(exit))
  }

  get state(): SessionState {
    return this.#state
  }

  /** Calls handed over and not answered. */
  get outstanding(): number {
    return this.#open.length
  }

  /** Since when the call at the head has been running (or next), by the host's clock; null when there is none. */
  get headSinceMs(): number | null {
    return this.#open[0]?.sinceMs ?? null
  }

  /** Resolves when the runtime has said READY, or with how it failed to. */
  ready(limitMs: number): Promise<'ready' | Outcome> {
    if (this.#state === 'ready') return Promise.resolve('ready')
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => this.#end({ kind: 'timed-out', limitMs, during: 'init' }, 'boot timed out'),
        limitMs,
      )
      this.#onReady = (end) => {
        clearTimeout(timer)
        resolve(end)
      }
      if (this.#state === 'ended') this.#onReady({ kind: 'crashed', how: notRunning, during: 'init' })
    })
  }

  /** Binds the runtime to one version. After this the sandbox belongs to it for ever. */
  load(message: Omit<InitMessage, 'boundary'>, limitMs: number): Promise<LoadEnd> {
    return new Promise((resolve) => {
      if (this.#state !== 'ready') {
        resolve({ kind: 'outcome', outcome: { kind: 'crashed', how: notRunning, during: 'init' } })
        return
      }
      this.#state = 'loading'
      const timer = setTimeout(
        () => this.#end({ kind: 'timed-out', limitMs, during: 'init' }, 'init timed out'),
        limitMs,
      )
      this.#onLoaded = (end) => {
        clearTimeout(timer)
        resolve(end)
      }
      const init: InitMessage = { ...message, boundary: this.#boundary }
      this.#writer.send(FRAME.init, 0, 0, null, Buffer.from(JSON.stringify(init)), true)
    })
  }

  /** Hands a call to the guest, behind those already there. Only in state `open`. */
  call(call: SessionCall): void {
    this.#sequence = (this.#sequence + 1) >>> 0
    const sequence = this.#sequence
    const open: OpenCall = { call, sequence, nonce: nextNonce(), sinceMs: this.#clock.nowMs(), started: false }
    const first = this.#open.length === 0
    this.#open.push(open)
    this.#logs.begin(sequence, (logs) => call.onLogs(logs))
    const head = encodeCallHead(call.kind, call.timeoutMs, call.requestId, call.extras)
    this.#writer.send(FRAME.call, sequence, open.nonce, head, call.body, first)
    if (first) this.#watch(open)
  }

  /** Ends the session on purpose (eviction, shutdown): nothing may be open. */
  end(why: string): void {
    this.#end(null, why)
  }

  #onFrame(type: number, sequence: number, nonce: number, payload: Buffer): void {
    switch (type) {
      case FRAME.answer:
        return this.#onAnswer(sequence, nonce, payload)
      case FRAME.started:
        return this.#onStarted(sequence, nonce)
      case FRAME.ready:
        return this.#onReadyFrame(payload)
      case FRAME.inited:
        if (this.#state !== 'loading') return this.#condemn('a second init was announced')
        this.#state = 'open'
        this.#onLoaded?.({ kind: 'loaded' })
        this.#onLoaded = null
        return
      case FRAME.initFailed:
        if (this.#state !== 'loading') return this.#condemn('a failed init was announced out of place')
        if (payload.length > LIMITS.errorPayloadBytesMax) return this.#condemn('an error was too large')
        return this.#end({ kind: 'failed', payload: Buffer.from(payload), during: 'init' }, 'init failed')
      default:
        return this.#condemn(`a frame of unknown type ${type} came`)
    }
  }

  #onReadyFrame(payload: Buffer): void {
    if (this.#state !== 'booting') return this.#condemn('READY came twice')
    if (!speaksOurChannel(payload)) return this.#condemn('the runtime speaks another channel version')
    this.#state = 'ready'
    this.#onReady?.('ready')
    this.#onReady = null
  }

  #onStarted(sequence: number, nonce: number): void {
    const head = this.#open[0]
    if (head === undefined || head.sequence !== sequence || head.nonce !== nonce || head.started) {
      return this.#condemn('a call was started that is not next')
    }
    head.started = true
  }

  #onAnswer(sequence: number, nonce: number, payload: Buffer): void {
    const head = this.#open[0]
    if (head === undefined || head.sequence !== sequence || head.nonce !== nonce) {
      return this.#condemn('an answer came for a call that is not open')
    }
    const reading = readAnswer(head.call.kind, payload)
    if ('violation' in reading) return this.#condemn(reading.violation)
    if (!head.started && reading.outcome.kind !== 'rejected') return this.#condemn('an answer came before its start')
    this.#settle(head, reading)
  }

  #settle(head: OpenCall, answer: Answer): void {
    const now = this.#clock.nowMs()
    this.#open.shift()
    this.#logs.answered(head.sequence, answer.flags)
    const next = this.#open[0]
    if (next !== undefined) {
      next.sinceMs = now
      this.#watch(next)
    }
    head.call.onEnd({ kind: 'outcome', outcome: answer.outcome, runMs: head.started ? now - head.sinceMs : 0 })
  }

  // One timer per session, moved only when it would fire too late: a fast function never touches it.

  #watch(head: OpenCall): void {
    const dueMs = head.sinceMs + head.call.timeoutMs
    if (this.#timer !== null && this.#timerAtMs <= dueMs) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timerAtMs = dueMs
    this.#timer = setTimeout(this.#onTimer, Math.max(0, dueMs - this.#clock.nowMs()))
  }

  readonly #onTimer = (): void => {
    this.#timer = null
    const head = this.#open[0]
    if (head === undefined) return
    if (this.#clock.nowMs() < head.sinceMs + head.call.timeoutMs) return this.#watch(head)
    this.#end({ kind: 'timed-out', limitMs: head.call.timeoutMs, during: 'run' }, 'call timed out')
  }

  #onChannelGone(): void {
    if (this.#state === 'ended' || this.#ending) return
    this.#ending = true
    // The exit status tells more than the closed channel; give it a moment to arrive.
    setTimeout(() => this.#condemn('the guest closed its channel'), exitPatienceMs).unref()
  }

  #onExit(exit: SandboxExit): void {
    if (this.#state === 'ended') return
    // What the guest wrote before it died may still be in the socket: read it before judging.
    setImmediate(() => setImmediate(() => this.#end(outcomeOfExit(exit, this.#during()), describeExit(exit))))
  }

  #condemn(violation: string): void {
    this.#end({ kind: 'crashed', how: { kind: 'channel', violation }, during: this.#during() }, violation)
  }

  #during(): 'init' | 'run' {
    return this.#state === 'open' ? 'run' : 'init'
  }

  #end(cause: Outcome | null, why: string): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#reader.close()
    const open = this.#open
    this.#open = []
    const onReady = this.#onReady
    const onLoaded = this.#onLoaded
    this.#onReady = null
    this.#onLoaded = null
    const outcome: Outcome = cause ?? { kind: 'crashed', how: notRunning, during: 'init' }
    this.#onEnded(why)
    onReady?.(outcome)
    onLoaded?.({ kind: 'outcome', outcome })
    const now = this.#clock.nowMs()
    // Last first, so that calls that go back to the front of a queue keep their order.
    for (const { call, sequence, started, sinceMs } of open.toReversed()) {
      const next = call === open[0]?.call
      // A deadline is the head's own even if the guest was too busy with something else to begin it.
      if (started || (next && outcome.kind === 'timed-out')) {
        call.onEnd({ kind: 'outcome', outcome, runMs: now - sinceMs })
      } else {
        this.#logs.forget(sequence)
        call.onEnd({ kind: 'not-started', next, outcome })
      }
    }
    setImmediate(() => this.#logs.end())
  }
}

const notRunning: CrashCause = { kind: 'channel', violation: 'the sandbox was not running any more' }

function speaksOurChannel(payload: Buffer): boolean {
  if (payload.length > 4096) return false
  try {
    return JSON.parse(payload.toString()).channel === CHANNEL_VERSION
  } catch {
    return false
  }
}

function outcomeOfExit(exit: SandboxExit, during: 'init' | 'run'): Outcome {
  if (exit.outOfMemory) return { kind: 'out-of-memory', during }
  const how: CrashCause =
    exit.signal !== null ? { kind: 'signalled', signal: exit.signal } : { kind: 'exited', code: exit.code ?? 0 }
  return { kind: 'crashed', how, during }
}

const describeExit = (exit: SandboxExit): string =>
  exit.outOfMemory ? 'out of memory' : exit.signal !== null ? `killed by ${exit.signal}` : `exited with ${exit.code}`

// Nonces are unguessable and cost one call to the system per thousand.

let nonces = new Uint32Array(0)
let nonceAt = 0

function nextNonce(): number {
  if (nonceAt === nonces.length) {
    const bytes = randomBytes(4096)
    nonces = new Uint32Array(bytes.buffer, bytes.byteOffset, 1024)
    nonceAt = 0
  }
  return nonces[nonceAt++] as number
}
