// The scheduler over guests that are played by the test: real sessions and frames, no processes.

import { duplexPair, PassThrough } from 'node:stream'
import { ANSWER_STATUS, CALL_KIND, FRAME } from '@hearth/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import type { ArtifactStore } from '../domain/artifacts.ts'
import { systemClock } from '../domain/clock.ts'
import type { Version } from '../domain/function.ts'
import type { HearthError } from '../domain/hearth-error.ts'
import type { Invocation, Result } from '../domain/invocation.ts'
import { Lifecycle } from '../domain/lifecycle.ts'
import { silentLog } from '../domain/log.ts'
import type { Runtime } from '../domain/runtime.ts'
import type { Sandbox, SandboxDriver, SandboxExit, SandboxSpec } from '../domain/sandbox.ts'
import { FrameReader } from '../session/frame-reader.ts'
import { Scheduler, type SchedulerSettings } from './scheduler.ts'

/** What a guest does with a call, from the words of its event. */
interface Wish {
  ms?: number
  die?: 'before-start' | 'running' | 'after-answer'
}

class PlayedSandbox {
  readonly id: string
  readonly isolation = 'linux'
  readonly stdout = new PassThrough()
  readonly stderr = new PassThrough()
  readonly taskRoot = '/var/task'
  readonly channel
  readonly exited: Promise<SandboxExit>
  destroyed = false
  frozen = false
  calls = 0
  running = 0
  runningMost = 0
  #gone = false
  readonly #driver: PlayedDriver
  readonly #guest
  #exit: (exit: SandboxExit) => void = () => {}
  #queue: Promise<void> = Promise.resolve()

  constructor(spec: SandboxSpec, driver: PlayedDriver) {
    this.id = spec.id
    this.#driver = driver
    const [host, guest] = duplexPair()
    this.channel = host
    this.#guest = guest
    this.exited = new Promise((resolve) => {
      this.#exit = resolve
    })
    const reader = new FrameReader(1 << 20, {
      onFrame: (type, sequence, nonce, payload) => this.#onFrame(type, sequence, nonce, Buffer.from(payload)),
      onViolation: () => {},
    })
    guest.on('data', (chunk: Buffer) => reader.feed(chunk))
    guest.on('error', () => {})
    setTimeout(() => this.#send(FRAME.ready, 0, 0, '{"channel":1}'), driver.bootMs)
  }

  async inject(): Promise<void> {}
  setLimits(): void {}
  async freeze(): Promise<void> {
    this.frozen = true
  }
  async thaw(): Promise<void> {
    this.frozen = false
  }
  stats() {
    return { memoryMaxBytes: null, memoryBytes: null, cpuMicros: null, oomKills: null }
  }
  async destroy(): Promise<void> {
    if (this.destroyed) return
    this.destroyed = true
    this.#driver.alive.delete(this)
    this.#exit({ code: null, signal: 'SIGKILL', outOfMemory: false })
  }

  #onFrame(type: number, sequence: number, nonce: number, payload: Buffer): void {
    if (type === FRAME.init) {
      if (this.#driver.failInit) this.#send(FRAME.initFailed, 0, 0, '{"errorType":"ImportError"}')
      else this.#send(FRAME.inited, 0, 0, '')
      return
    }
    const wish: Wish = JSON.parse(payload.subarray(8 + payload.readUInt8(5)).toString())
    this.#queue = this.#queue.then(() => this.#run(sequence, nonce, wish))
  }

  async #run(sequence: number, nonce: number, { ms = 0, die }: Wish): Promise<void> {
    if (this.#gone) return
    const exit = (): void => {
      this.#gone = true
      this.#exit({ code: 1, signal: null, outOfMemory: false })
    }
    if (die === 'before-start') return exit()
    this.#send(FRAME.started, sequence, nonce, '')
    this.#driver.ledger.push(`${this.id}/${sequence}`)
    this.running += 1
    this.runningMost = Math.max(this.runningMost, this.running)
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
    this.running -= 1
    if (die === 'running') return exit()
    this.calls += 1
    this.#send(
      FRAME.answer,
      sequence,
      nonce,
      Buffer.concat([Buffer.from([ANSWER_STATUS.returned, 0]), Buffer.from(`"${this.id}"`)]),
    )
    if (die === 'after-answer') exit()
  }

  #send(type: number, sequence: number, nonce: number, payload: Buffer | string): void {
    if (this.#gone || this.destroyed) return
    const body = Buffer.from(payload)
    const frame = Buffer.alloc(13 + body.length)
    frame.writeUInt32BE(9 + body.length, 0)
    frame.writeUInt8(type, 4)
    frame.writeUInt32BE(sequence, 5)
    frame.writeUInt32BE(nonce, 9)
    body.copy(frame, 13)
    this.#guest.write(frame)
  }
}

class PlayedDriver {
  readonly isolation = 'linux'
  readonly capabilities = { injectsLate: true, networks: ['none'], freeze: 'cgroup' }
  readonly alive = new Set<PlayedSandbox>()
  readonly made: PlayedSandbox[] = []
  readonly ledger: string[] = []
  bootMs = 0
  failInit = false
  failCreate = false

  async create(spec: SandboxSpec): Promise<Sandbox> {
    if (this.failCreate) throw new Error('no walls today')
    const sandbox = new PlayedSandbox(spec, this)
    this.alive.add(sandbox)
    this.made.push(sandbox)
    return sandbox as unknown as Sandbox
  }
}

const version = (some: { id?: string; timeoutSeconds?: number } = {}): Version =>
  ({
    id: some.id ?? 'v1',
    functionName: 'f',
    config: {
      runtime: 'r',
      language: 'javascript',
      handler: 'a.b',
      env: {},
      memoryMb: 128,
      network: 'none',
      timeoutSeconds: some.timeoutSeconds ?? 60,
      code: { sha256: 'x' },
    },
  }) as unknown as Version

let scheduler: Scheduler | null = null
afterEach(() => scheduler?.close())

function start(some: Partial<SchedulerSettings> = {}) {
  const driver = new PlayedDriver()
  const finished: Result[] = []
  let ids = 0
  scheduler = new Scheduler(
    {
      drivers: new Map([['linux', driver as unknown as SandboxDriver]]),
      runtimes: { list: () => [], find: () => ({ name: 'r' }) as Runtime },
      artifacts: { directory: async () => '/code' } as unknown as ArtifactStore,
      newSandboxId: () => {
        ids += 1
        return `sb${ids}`
      },
      onFinished: (_, result) => finished.push(result),
      clock: systemClock,
      lifecycle: new Lifecycle(() => {}),
      log: silentLog,
    },
    {
      processors: 2,
      sandboxesMax: 100,
      memoryMbMax: 100_000,
      instancesMax: 50,
      queueLimit: 1000,
      queueWaitMaxMs: 10_000,
      keepAliveMs: 600_000,
      genericPoolSize: 0,
      locality: { region: 'us-east-1', accountId: '000000000000' },
      ...some,
    },
  )
  const run = (wish: Wish = {}, of = version(), signal = new AbortController().signal): Promise<Result> =>
    (scheduler as Scheduler).run({
      requestId: 'r',
      version: of,
      isolation: 'linux',
      trigger: 'invoke',
      kind: CALL_KIND.event,
      body: Buffer.from(JSON.stringify(wish)),
      extras: null,
      receivedMs: systemClock.nowMs(),
      signal,
      wantsLogs: false,
    } satisfies Invocation)
  return { driver, finished, run, scheduler }
}

const until = async (condition: () => boolean): Promise<void> => {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries > 2000) throw new Error('it did not happen')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
const code = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'ok',
    (fault: HearthError) => fault.code,
  )

describe('a version', () => {
  it('is started once for its first call, however long the boot, and reused after', async () => {
    const { driver, run } = start()
    const first = await run()
    const second = await run()
    expect([first.start, second.start]).toEqual(['cold', 'warm'])
    expect(first.initMs).toBeGreaterThan(0)
    expect(second.initMs).toBe(0)
    expect(driver.made).toHaveLength(1)
  })

  it('runs one call at a time in an instance, and slow calls side by side in several', async () => {
    const { driver, run } = start()
    await Promise.all(Array.from({ length: 6 }, () => run({ ms: 150 })))
    expect(driver.made.length).toBeGreaterThan(3)
    expect(Math.max(...driver.made.map(({ runningMost }) => runningMost))).toBe(1)
  })

  it('never has more instances than allowed', async () => {
    const { driver, run } = start({ instancesMax: 2 })
    await Promise.all(Array.from({ length: 8 }, () => run({ ms: 30 })))
    expect(driver.made).toHaveLength(2)
  })

  it('does not share instances with another version', async () => {
    const { run } = start()
    const one = await run({}, version({ id: 'v1' }))
    const two = await run({}, version({ id: 'v2' }))
    expect(one.sandboxId).not.toBe(two.sandboxId)
  })

  it('gives up its instances when it is retired, after the calls it has accepted', async () => {
    const { driver, run, scheduler } = start()
    const running = run({ ms: 80 })
    await until(() => driver.ledger.length === 1)
    scheduler.retire('v1')
    expect((await running).outcome.kind).toBe('returned')
    await until(() => driver.alive.size === 0)
  })
})

describe('death', () => {
  it('of the running call is its outcome, and the next call gets another instance', async () => {
    const { run } = start()
    const dead = await run({ die: 'running' })
    expect(dead.outcome.kind).toBe('crashed')
    expect((await run()).sandboxId).not.toBe(dead.sandboxId)
  })

  it('in front of a call that has not begun is invisible to the caller', async () => {
    const { driver, run } = start()
    await run({ die: 'after-answer' })
    const next = await run()
    expect(next.outcome.kind).toBe('returned')
    expect(new Set(driver.ledger).size).toBe(driver.ledger.length)
  })

  it('in front of the same call twice is its answer: a poison call does not walk through the fleet', async () => {
    const { driver, run } = start()
    expect((await run({ die: 'before-start' })).outcome.kind).toBe('crashed')
    expect(driver.made.length).toBeLessThanOrEqual(2)
  })

  it('under load loses no call and runs none twice', async () => {
    const { driver, run } = start({ instancesMax: 8 })
    const results = await Promise.all(
      Array.from({ length: 300 }, (_, n) =>
        run({ ms: n % 3, ...(n % 10 === 0 ? { die: n % 20 === 0 ? 'running' : 'after-answer' } : {}) } as Wish),
      ),
    )
    const crashed = results.filter(({ outcome }) => outcome.kind === 'crashed').length
    expect(results).toHaveLength(300)
    expect(crashed).toBe(15)
    expect(driver.ledger).toHaveLength(300)
  })

  it('at the deadline ends the instance', async () => {
    const { driver, run } = start()
    const late = await run({ ms: 60_000 }, version({ timeoutSeconds: 0.1 }))
    expect(late.outcome).toMatchObject({ kind: 'timed-out', during: 'run' })
    expect(driver.alive.size).toBe(0)
  })
})

describe('starts that fail', () => {
  it('answer all who wait with the guest’s error, and are not tried again at once', async () => {
    const { driver, run } = start()
    driver.failInit = true
    const results = await Promise.all([run(), run(), run()])
    expect(results.map(({ outcome }) => outcome.kind)).toEqual(['failed', 'failed', 'failed'])
    const made = driver.made.length
    for (let call = 0; call < 10; call += 1) expect((await run()).outcome.kind).toBe('failed')
    expect(driver.made.length).toBe(made)
  })

  it('reject when no walls can be built', async () => {
    const { driver, run } = start()
    driver.failCreate = true
    expect(await code(run())).toBe('start_failed')
  })
})

describe('bounds', () => {
  it('turn away a call when the queue is full', async () => {
    const { run } = start({ instancesMax: 1, queueLimit: 2 })
    const calls = Array.from({ length: 6 }, () => code(run({ ms: 50 })))
    const codes = await Promise.all(calls)
    expect(codes.filter((one) => one === 'throttled').length).toBe(4)
    expect(codes.filter((one) => one === 'ok').length).toBe(2)
  })

  it('turn away a call that has waited too long', async () => {
    const { run } = start({ instancesMax: 1, queueWaitMaxMs: 50 })
    await run()
    const long = run({ ms: 400 })
    expect(await code(run())).toBe('throttled')
    expect((await long).outcome.kind).toBe('returned')
  })

  it('free the place of a caller that leaves', async () => {
    const { driver, run } = start({ instancesMax: 1 })
    await run()
    const leave = new AbortController()
    const long = run({ ms: 100 })
    const left = code(run({}, version(), leave.signal))
    leave.abort()
    expect(await left).not.toBe('ok')
    await long
    expect(driver.ledger).toHaveLength(2)
  })

  it('make room by ending what has been idle longest', async () => {
    const { driver, run } = start({ sandboxesMax: 2 })
    await run({}, version({ id: 'a' }))
    await run({}, version({ id: 'b' }))
    await run({}, version({ id: 'c' }))
    expect(driver.made.map(({ destroyed }) => destroyed)).toEqual([true, false, false])
  })

  it('end what nobody has called for the keep-alive', async () => {
    const { driver, run } = start({ keepAliveMs: 10 })
    await run()
    await until(() => driver.alive.size === 0)
  })
})

describe('idle instances', () => {
  it('are frozen, and thawed for the next call', async () => {
    const { driver, run } = start()
    await run()
    const [sandbox] = driver.made
    await until(() => sandbox?.frozen === true)
    const again = run({ ms: 30 })
    await until(() => sandbox?.frozen === false)
    expect((await again).start).toBe('warm')
  })
})

describe('the generic pool', () => {
  it('serves a first call with a booted sandbox, never gives one to two versions, and refills', async () => {
    const { driver, run, scheduler } = start({ genericPoolSize: 1 })
    scheduler.expect('linux', { name: 'r' } as Runtime)
    await until(() => driver.made.length === 1 && driver.made[0]?.frozen === true)
    const first = await run({}, version({ id: 'a' }))
    expect([first.start, first.sandboxId]).toEqual(['pool', 'sb1'])
    await until(() => driver.made.length === 2 && driver.made[1]?.frozen === true)
    const second = await run({}, version({ id: 'b' }))
    expect([second.start, second.sandboxId]).toEqual(['pool', 'sb2'])
  })
})

it('leaves no sandbox alive when it closes', async () => {
  const { driver, run, scheduler } = start({ genericPoolSize: 2 })
  const calls = [run({ ms: 5000 }), run({ ms: 5000 })].map(code)
  await until(() => driver.ledger.length >= 1)
  await scheduler.close()
  await Promise.all(calls)
  expect(driver.alive.size).toBe(0)
})
