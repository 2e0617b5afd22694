import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { silentLog } from '../domain/log.ts'
import type { Sandbox, SandboxDriver, SandboxSpec } from '../domain/sandbox.ts'
import { GuardedDriver } from './guarded-driver.ts'

/** A sandbox of no walls that does what the test says, when it says so. */
class PlainSandbox {
  readonly id = 'sb'
  readonly isolation = 'linux'
  readonly channel = new PassThrough()
  readonly stdout = new PassThrough()
  readonly stderr = new PassThrough()
  readonly taskRoot = '/var/task'
  readonly exited = new Promise<never>(() => {})
  readonly done: string[] = []
  hang: string | null = null
  running = 0

  async #work(name: string): Promise<void> {
    this.running += 1
    expect(this.running).toBe(1)
    this.done.push(name)
    if (this.hang === name) await new Promise(() => {})
    await new Promise((resolve) => setTimeout(resolve, 2))
    this.running -= 1
  }
  inject = (): Promise<void> => this.#work('inject')
  freeze = (): Promise<void> => this.#work('freeze')
  thaw = (): Promise<void> => this.#work('thaw')
  setLimits = (): void => void this.done.push('limits')
  stats = () => ({ memoryBytes: null, memoryMaxBytes: null, cpuMicros: null, oomKills: null })
  destroy = async (reason: string): Promise<void> => {
    this.done.push(`destroy: ${reason}`)
  }
}

const spec = {} as SandboxSpec
const never = new AbortController().signal
const limits = {} as Parameters<Sandbox['inject']>[1]

function guard(create: (signal: AbortSignal) => Promise<unknown>, createWithinMs = 1_000) {
  const closed: string[] = []
  const inner = {
    isolation: 'linux',
    capabilities: {},
    create: (_: SandboxSpec, signal: AbortSignal) => create(signal),
    close: async () => void closed.push('closed'),
  } as unknown as SandboxDriver
  return { driver: new GuardedDriver(inner, silentLog, { createWithinMs, operateWithinMs: 40 }), closed }
}

async function guarded() {
  const plain = new PlainSandbox()
  const { driver } = guard(async () => plain)
  return { plain, driver, sandbox: await driver.create(spec, never) }
}

describe('a guarded sandbox', () => {
  it('does one thing at a time, in the order it was asked', async () => {
    const { plain, sandbox } = await guarded()
    await Promise.all([sandbox.inject('/code', limits), sandbox.freeze(), sandbox.thaw(), sandbox.freeze()])
    expect(plain.done).toEqual(['inject', 'freeze', 'thaw', 'freeze'])
  })

  it('starts at once what nothing stands before', async () => {
    const { plain, sandbox } = await guarded()
    const freezing = sandbox.freeze()
    expect(plain.done).toEqual(['freeze'])
    await freezing
  })

  it('takes repeats without harm', async () => {
    const { plain, sandbox } = await guarded()
    await Promise.all([sandbox.freeze(), sandbox.freeze()])
    await Promise.all([sandbox.thaw(), sandbox.thaw()])
    await sandbox.thaw()
    expect(plain.done).toEqual(['freeze', 'thaw'])
  })

  it('is destroyed once, for the first reason, past anything that hangs', async () => {
    const { plain, sandbox, driver } = await guarded()
    plain.hang = 'freeze'
    const hung = sandbox.freeze()
    hung.catch(() => {})
    await Promise.all([sandbox.destroy('timeout'), sandbox.destroy('another')])
    expect(plain.done).toEqual(['freeze', 'destroy: timeout'])
    expect(driver.alive).toBe(0)
    await expect(sandbox.thaw()).rejects.toThrow('timeout')
    await expect(sandbox.inject('/code', limits)).rejects.toThrow('timeout')
    sandbox.setLimits(limits)
    expect(plain.done).toHaveLength(2)
  })

  it('gives up an operation that hangs', async () => {
    const { plain, sandbox } = await guarded()
    plain.hang = 'inject'
    await expect(sandbox.inject('/code', limits)).rejects.toThrow('does not respond')
  })
})

describe('a guarded driver', () => {
  it('gives up a creation that takes too long, and destroys what comes of it later', async () => {
    const plain = new PlainSandbox()
    let finish = (): void => {}
    const { driver } = guard(async () => {
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      return plain
    }, 20)
    await expect(driver.create(spec, never)).rejects.toMatchObject({ code: 'start_failed' })
    finish()
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(plain.done).toEqual(['destroy: it came too late'])
    expect(driver.alive).toBe(0)
  })

  it('gives up a creation that nobody waits for any more', async () => {
    const leave = new AbortController()
    const { driver } = guard(
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
    )
    const creating = driver.create(spec, leave.signal)
    leave.abort()
    await expect(creating).rejects.toThrow()
  })

  it('destroys everything when it closes, and makes nothing more', async () => {
    const plain = new PlainSandbox()
    const { driver, closed } = guard(async () => plain)
    await driver.create(spec, never)
    await driver.close()
    expect([plain.done, closed, driver.alive]).toEqual([['destroy: shutting down'], ['closed'], 0])
    await expect(driver.create(spec, never)).rejects.toMatchObject({ code: 'draining' })
  })

  it('closes the driver also when a sandbox cannot be destroyed', async () => {
    const plain = new PlainSandbox()
    plain.destroy = () => Promise.reject(new Error('it holds on'))
    const { driver, closed } = guard(async () => plain)
    await driver.create(spec, never)
    await driver.close()
    expect([closed, driver.alive]).toEqual([['closed'], 0])
  })

  it('waits for late arrivals before it closes the driver, but not for ever', async () => {
    const plain = new PlainSandbox()
    const { driver, closed } = guard(async () => {
      await new Promise((resolve) => setTimeout(resolve, 10))
      return plain
    }, 2)
    await expect(driver.create(spec, never)).rejects.toThrow()
    const closing = driver.close().then(() => [...plain.done, ...closed])
    expect(await closing).toEqual(['destroy: it came too late', 'closed'])

    const hung = guard(() => new Promise(() => {}), 2)
    await expect(hung.driver.create(spec, never)).rejects.toThrow()
    await hung.driver.close()
    expect(hung.closed).toEqual(['closed'])
  })
})
