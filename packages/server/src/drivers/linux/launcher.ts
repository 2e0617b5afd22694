// The driver's side of the launcher process: starts it, keeps it, and turns its events into promises.

import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Duplex } from 'node:stream'
import type { Log } from '../../domain/log.ts'
import {
  type Acknowledged,
  type Command,
  EventReader,
  encodeCommand,
  type LauncherEvent,
  type StartRequest,
} from './launcher-messages.ts'
import { launcherProgram } from './package-root.ts'

const UP_WITHIN_MS = 8_000
const END_WITHIN_MS = 5_000
const STDERR_KEPT_BYTES = 4_096

/** How process 2, the runtime, ended; or process 1, when something killed all of them. */
export interface InitExit {
  readonly code: number | null
  readonly signal: string | null
}

/** Process 1 of one sandbox, as the launcher tells of it. */
export interface Init {
  /** Resolves once the runtime's program has been executed; rejects with the step that failed. */
  readonly started: Promise<void>
  /** Resolves when every process of the sandbox is gone. Never rejects. */
  readonly exited: Promise<InitExit>
  readonly hasExited: boolean
  /** Lets go of the launcher's own hold on the output pipes. */
  outputsTaken(): void
  kill(): void
  /** By signals; for places without a freezer. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** Memory that the runtime's process may map beyond what it has at its first call; for places without cgroups. */
  limitData(allowedBytes: number): Promise<void>
}

export interface LauncherOptions {
  readonly python: string
  /** Holds the door's socket and the output pipes; the launcher mounts its base trees beneath it. */
  readonly folder: string
  readonly seccomp: Buffer
  readonly log: Log
}

export class Launcher {
  readonly #process: ChildProcess
  readonly #pipe: Duplex
  readonly #reader = new EventReader()
  readonly #inits = new Map<string, TrackedInit>()
  readonly #log: Log
  readonly #ended: Promise<void>
  #stderr = ''
  #alive = true
  #onUp: (event: LauncherEvent | null) => void = () => {}

  /** Resolves when the launcher is ready to fork sandboxes; rejects with a reason for people. */
  static async start(options: LauncherOptions): Promise<Launcher> {
    const launcher = new Launcher(options)
    const first = await launcher.#firstEvent()
    if (first?.event !== 'up') {
      await launcher.close()
      if (first?.event === 'unable') throw new LauncherFault(first.error, true)
      const said = launcher.#stderr.trim().split('\n').at(-1)
      throw new LauncherFault(said || `${options.python} did not answer`, false)
    }
    launcher.#send({ do: 'configure', seccomp: options.seccomp.toString('base64') })
    return launcher
  }

  private constructor(options: LauncherOptions) {
    this.#log = options.log
    // -I -S: neither environment, nor user site, nor site-packages can change what runs here. Its own session, so that a
    // Ctrl-C in the server's terminal does not end the sandboxes before the server has drained.
    this.#process = spawn(options.python, ['-I', '-S', '-B', launcherProgram, options.folder], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      env: { LC_ALL: 'C.UTF-8' },
      cwd: '/',
      detached: true,
    })
    this.#pipe = this.#process.stdio[3] as Duplex
    this.#pipe.on('data', (bytes: Buffer) => {
      for (const event of this.#reader.read(bytes)) this.#on(event)
    })
    this.#pipe.on('error', () => {}) // the exit tells more
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT_BYTES)
    })
    this.#ended = new Promise((resolve) => {
      const onEnd = (how: object) => {
        if (!this.#alive) return
        this.#alive = false
        if (this.#inits.size > 0) options.log.error({ ...how, stderr: this.#stderr }, 'the launcher died')
        for (const init of this.#inits.values()) init.end(null, 'SIGKILL')
        this.#inits.clear()
        this.#onUp(null)
        resolve()
      }
      this.#process.once('close', (code, signal) => onEnd({ code, signal }))
      this.#process.once('error', (fault) => {
        this.#stderr = fault.message
        onEnd({ fault })
      })
    })
  }

  get alive(): boolean {
    return this.#alive
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /**
   * Forks process 1 of a sandbox. `connectUplink` is called with its id on the host as soon as it has a network namespace
   * of its own, if the request asks for a link.
   */
  launch(request: StartRequest, connectUplink: (pid: number) => Promise<void>): Init {
    const init = new TrackedInit(
      request.id,
      (command) => this.#send(command),
      async (pid) => {
        await connectUplink(pid)
        this.#send({ do: 'go', id: request.id })
      },
    )
    if (!this.#alive) {
      init.fail('prepare', 'the launcher is not running')
      init.end(null, 'SIGKILL')
      return init
    }
    this.#inits.set(request.id, init)
    this.#send({ do: 'start', ...request })
    return init
  }

  /** Ends the launcher and with it every sandbox it has left. */
  async close(): Promise<void> {
    this.#pipe.end()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), END_WITHIN_MS)
    await this.#ended
    clearTimeout(timer)
    this.#pipe.destroy()
  }

  #firstEvent(): Promise<LauncherEvent | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), UP_WITHIN_MS)
      this.#onUp = (event) => {
        clearTimeout(timer)
        resolve(event)
      }
    })
  }

  #on(event: LauncherEvent): void {
    if (event.event === 'up' || event.event === 'unable') {
      this.#onUp(event)
      return
    }
    const init = this.#inits.get(event.id)
    if (init === undefined) return
    init.on(event)
    if (event.event === 'exited') this.#inits.delete(event.id)
  }

  #send(command: Command): void {
    if (this.#alive && this.#pipe.writable) this.#pipe.write(encodeCommand(command))
    else this.#log.debug({ command: command.do }, 'no launcher to tell')
  }
}

/** A failure to start the launcher, in words a user can act on. */
export class LauncherFault extends Error {
  override readonly name = 'LauncherFault'
  /** The kernel refused what the launcher needs; else the launcher did not get as far. */
  readonly isKernels: boolean

  constructor(message: string, isKernels: boolean) {
    super(message)
    this.isKernels = isKernels
  }
}

class TrackedInit implements Init {
  readonly started: Promise<void>
  readonly exited: Promise<InitExit>
  readonly #id: string
  readonly #send: (command: Command) => void
  readonly #connectUplink: (pid: number) => Promise<void>
  readonly #asked: { readonly want: Acknowledged; readonly done: () => void }[] = []
  #resolveStarted: () => void = () => {}
  #rejectStarted: (fault: Error) => void = () => {}
  #resolveExited: (exit: InitExit) => void = () => {}
  #hasExited = false

  constructor(id: string, send: (command: Command) => void, connectUplink: (pid: number) => Promise<void>) {
    this.#id = id
    this.#send = send
    this.#connectUplink = connectUplink
    this.started = new Promise((resolve, reject) => {
      this.#resolveStarted = resolve
      this.#rejectStarted = reject
    })
    this.started.catch(() => {}) // whoever awaits it hears of it
    this.exited = new Promise((resolve) => {
      this.#resolveExited = resolve
    })
  }

  get hasExited(): boolean {
    return this.#hasExited
  }

  on(event: Exclude<LauncherEvent, { event: 'up' | 'unable' }>): void {
    switch (event.event) {
      case 'netns':
        this.#connectUplink(event.pid).catch((fault: Error) => {
          this.fail('connect the network', fault.message)
          this.kill()
        })
        break
      case 'started':
        this.#resolveStarted()
        break
      case 'failed':
        this.fail(event.step, event.error)
        break
      case 'frozen':
      case 'thawed':
      case 'limited':
        if (this.#asked[0]?.want === event.event) this.#asked.shift()?.done()
        break
      case 'exited':
        this.end(event.code, event.signal === null ? null : signalName(event.signal))
    }
  }

  fail(step: string, error: string): void {
    this.#rejectStarted(new Error(`could not ${step}: ${error}`))
  }

  end(code: number | null, signal: string | null): void {
    this.#hasExited = true
    this.fail('start the runtime', signal === null ? `it exited with ${code}` : `it was ended by ${signal}`)
    for (const { done } of this.#asked.splice(0)) done()
    this.#resolveExited({ code, signal })
  }

  outputsTaken(): void {
    this.#send({ do: 'taken', id: this.#id })
  }

  kill(): void {
    if (!this.#hasExited) this.#send({ do: 'kill', id: this.#id })
  }

  freeze(): Promise<void> {
    return this.#ask({ do: 'freeze', id: this.#id }, 'frozen')
  }

  thaw(): Promise<void> {
    return this.#ask({ do: 'thaw', id: this.#id }, 'thawed')
  }

  limitData(allowedBytes: number): Promise<void> {
    return this.#ask({ do: 'limit', id: this.#id, allowedBytes }, 'limited')
  }

  /** Process 1 does what it is asked in order, or ends. */
  #ask(command: Command, want: Acknowledged): Promise<void> {
    if (this.#hasExited) return Promise.resolve()
    return new Promise((done) => {
      this.#asked.push({ want, done })
      this.#send(command)
    })
  }
}

const signalName = (number: number): string =>
  Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `SIG${number}`
