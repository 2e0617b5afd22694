import { duplexPair, PassThrough } from 'node:stream'
import { ANSWER_STATUS, CALL_KIND, FRAME } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../domain/clock.ts'
import type { Sandbox, SandboxExit } from '../domain/sandbox.ts'
import { FrameReader } from './frame-reader.ts'
import { type CallEnd, Session } from './session.ts'

interface ToGuest {
  type: number
  sequence: number
  nonce: number
  payload: Buffer
}

/** The guest's end of a session, played by the test frame by frame. */
class Guest {
  readonly received: ToGuest[] = []
  readonly ended: string[] = []
  readonly session: Session
  readonly #end: NodeJS.WritableStream
  #exit: (exit: SandboxExit) => void = () => {}

  constructor() {
    const [host, guest] = duplexPair()
    this.#end = guest
    const exited = new Promise<SandboxExit>((resolve) => {
      this.#exit = resolve
    })
    const sandbox = {
      id: 'sb',
      isolation: 'linux',
      channel: host,
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      taskRoot: '/var/task',
      exited,
    } as unknown as Sandbox
    const reader = new FrameReader(1 << 24, {
      onFrame: (type, sequence, nonce, payload) =>
        this.received.push({ type, sequence, nonce, payload: Buffer.from(payload) }),
      onViolation: () => {},
    })
    guest.on('data', (chunk: Buffer) => reader.feed(chunk))
    this.session = new Session(sandbox, systemClock, (why) => this.ended.push(why))
  }

  send(type: number, sequence = 0, nonce = 0, payload: Buffer | string = ''): void {
    const body = Buffer.from(payload)
    const frame = Buffer.alloc(13 + body.length)
    frame.writeUInt32BE(9 + body.length, 0)
    frame.writeUInt8(type, 4)
    frame.writeUInt32BE(sequence, 5)
    frame.writeUInt32BE(nonce, 9)
    body.copy(frame, 13)
    this.#end.write(frame)
  }

  raw(bytes: Buffer): void {
    this.#end.write(bytes)
  }

  exit(exit: Partial<SandboxExit>): void {
    this.#exit({ code: null, signal: null, outOfMemory: false, ...exit })
  }

  async open(): Promise<this> {
    this.send(FRAME.ready, 0, 0, '{"channel":1,"runtime":"test","languageVersion":"1"}')
    expect(await this.session.ready(5000)).toBe('ready')
    const loaded = this.session.load({} as never, 5000)
    this.send(FRAME.inited)
    expect(await loaded).toEqual({ kind: 'loaded' })
    return this
  }

  call(timeoutMs = 60_000): Promise<CallEnd> {
    return new Promise((resolve) =>
      this.session.call({
        kind: CALL_KIND.event,
        timeoutMs,
        requestId: 'r',
        extras: null,
        body: Buffer.from('{}'),
        onEnd: resolve,
        onLogs: () => {},
      }),
    )
  }

  async nextCall(index: number): Promise<ToGuest> {
    for (;;) {
      const call = this.received.filter((frame) => frame.type === FRAME.call)[index]
      if (call !== undefined) return call
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  started({ sequence, nonce }: ToGuest): void {
    this.send(FRAME.started, sequence, nonce)
  }

  answer({ sequence, nonce }: ToGuest, body = '1', status: number = ANSWER_STATUS.returned): void {
    this.send(FRAME.answer, sequence, nonce, Buffer.concat([Buffer.from([status, 0]), Buffer.from(body)]))
  }
}

const kindOf = (end: CallEnd): string => (end.kind === 'outcome' ? end.outcome.kind : end.kind)

describe('Session', () => {
  it('carries a call to the guest and its answer back', async () => {
    const guest = await new Guest().open()
    const end = guest.call()
    const call = await guest.nextCall(0)
    guest.started(call)
    guest.answer(call, '{"x":1}')
    const { outcome } = (await end) as Extract<CallEnd, { kind: 'outcome' }>
    expect(outcome.kind === 'returned' && Buffer.from(outcome.payload).toString()).toBe('{"x":1}')
    expect(guest.ended).toEqual([])
  })

  it('answers queued calls in order and reports a death to the running one only', async () => {
    const guest = await new Guest().open()
    const ends = [guest.call(), guest.call(), guest.call()]
    const first = await guest.nextCall(0)
    const second = await guest.nextCall(1)
    guest.started(first)
    guest.answer(first)
    guest.started(second)
    await ends[0]
    guest.exit({ code: 3 })
    expect((await Promise.all(ends)).map(kindOf)).toEqual(['returned', 'crashed', 'not-started'])
  })

  it('says that a call never began when the guest died in front of it', async () => {
    const guest = await new Guest().open()
    const end = guest.call()
    await guest.nextCall(0)
    guest.exit({ signal: 'SIGKILL' })
    expect(await end).toMatchObject({ kind: 'not-started', next: true, outcome: { kind: 'crashed' } })
  })

  it('reports memory, not the signal, when the kernel killed for memory', async () => {
    const guest = await new Guest().open()
    const end = guest.call()
    guest.started(await guest.nextCall(0))
    guest.exit({ signal: 'SIGKILL', outOfMemory: true })
    expect(kindOf(await end)).toBe('out-of-memory')
  })

  it('ends a call at its deadline and gives the ones behind it back', async () => {
    const guest = await new Guest().open()
    const ends = [guest.call(50), guest.call(50)]
    guest.started(await guest.nextCall(0))
    expect((await Promise.all(ends)).map(kindOf)).toEqual(['timed-out', 'not-started'])
    expect(guest.ended).toEqual(['call timed out'])
  })

  it('gives each call its own time, counted from its own turn', async () => {
    const guest = await new Guest().open()
    const ends = [guest.call(60_000), guest.call(30)]
    const first = await guest.nextCall(0)
    guest.started(first)
    await new Promise((resolve) => setTimeout(resolve, 80))
    guest.answer(first)
    expect((await Promise.all(ends)).map(kindOf)).toEqual(['returned', 'timed-out'])
  })

  const violations: Record<string, (guest: Guest, call: ToGuest) => void> = {
    'an answer for a call that was never made': (guest) => guest.send(FRAME.answer, 99, 99, Buffer.from([0, 0])),
    'an answer with a guessed nonce': (guest, call) => guest.answer({ ...call, nonce: (call.nonce ^ 1) >>> 0 }),
    'an answer before the start': (guest, call) => guest.answer(call),
    'a start of another call': (guest, call) => guest.started({ ...call, sequence: call.sequence + 1 }),
    'a second start': (guest, call) => {
      guest.started(call)
      guest.started(call)
    },
    'a second READY': (guest) => guest.send(FRAME.ready, 0, 0, '{"channel":1}'),
    'a second INITED': (guest) => guest.send(FRAME.inited),
    'a failed init after the init': (guest) => guest.send(FRAME.initFailed, 0, 0, '{}'),
    'an unknown frame': (guest) => guest.send(200),
    'a frame of the host': (guest) => guest.send(FRAME.call),
    'an empty answer': (guest, call) => {
      guest.started(call)
      guest.send(FRAME.answer, call.sequence, call.nonce)
    },
    'an unknown answer status': (guest, call) => {
      guest.started(call)
      guest.answer(call, '', 77)
    },
    'a huge length': (guest) => guest.raw(Buffer.alloc(64, 0xff)),
  }
  for (const [name, violate] of Object.entries(violations)) {
    it(`condemns the sandbox for ${name}`, async () => {
      const guest = await new Guest().open()
      const end = guest.call()
      violate(guest, await guest.nextCall(0))
      await end
      expect(guest.session.state).toBe('ended')
      expect(guest.ended).toHaveLength(1)
    })
  }

  it('condemns a guest that answers twice, and the call in between keeps its own answer', async () => {
    const guest = await new Guest().open()
    const end = guest.call()
    const call = await guest.nextCall(0)
    guest.started(call)
    guest.answer(call, '"first"')
    guest.answer(call, '"second"')
    const { outcome } = (await end) as Extract<CallEnd, { kind: 'outcome' }>
    expect(outcome.kind === 'returned' && Buffer.from(outcome.payload).toString()).toBe('"first"')
    await new Promise((resolve) => setImmediate(resolve))
    expect(guest.session.state).toBe('ended')
  })

  it('reports a failed init with the words of the guest', async () => {
    const guest = new Guest()
    guest.send(FRAME.ready, 0, 0, '{"channel":1}')
    await guest.session.ready(5000)
    const loaded = guest.session.load({} as never, 5000)
    guest.send(FRAME.initFailed, 0, 0, '{"errorType":"Runtime.ImportModuleError"}')
    expect(await loaded).toMatchObject({ kind: 'outcome', outcome: { kind: 'failed', during: 'init' } })
    expect(guest.ended).toEqual(['init failed'])
  })

  it('ends an init at its own limit', async () => {
    const guest = new Guest()
    guest.send(FRAME.ready, 0, 0, '{"channel":1}')
    await guest.session.ready(5000)
    const loaded = await guest.session.load({} as never, 30)
    expect(loaded).toMatchObject({ kind: 'outcome', outcome: { kind: 'timed-out', during: 'init' } })
  })

  it('refuses a runtime of another channel version', async () => {
    const guest = new Guest()
    guest.send(FRAME.ready, 0, 0, '{"channel":999}')
    expect(await guest.session.ready(5000)).toMatchObject({ kind: 'crashed' })
  })
})
