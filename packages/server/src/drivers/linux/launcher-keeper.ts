// Keeps one launcher running: the next sandbox after a crash gets a new one, though not in a busy loop.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Launcher } from './launcher.ts'

const PAUSE_FIRST_MS = 100
const PAUSE_MAX_MS = 5_000
/** A launcher that lived this long did not die of being started. */
const SOUND_AFTER_MS = 60_000

/** POLICY: how long to wait before a launcher is started after so many that died young. */
export const restartPauseMs = (deaths: number): number =>
  deaths === 0 ? 0 : Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** (deaths - 1))

export class LauncherKeeper {
  readonly #startOne: () => Promise<Launcher>
  #current: Promise<Launcher> | null = null
  #startedAtMs = 0
  #deaths = 0

  constructor(startOne: () => Promise<Launcher>) {
    this.#startOne = startOne
  }

  async running(): Promise<Launcher> {
    this.#current ??= this.#start()
    const current = this.#current
    const launcher = await current.catch((fault) => {
      this.#forget(current)
      throw fault
    })
    if (launcher.alive) return launcher
    this.#forget(current)
    return this.running()
  }

  async close(): Promise<void> {
    const launcher = await this.#current?.catch(() => null)
    this.#current = null
    await launcher?.close()
  }

  async #start(): Promise<Launcher> {
    await sleep(restartPauseMs(this.#deaths))
    this.#startedAtMs = performance.now()
    return this.#startOne()
  }

  /** Once for each launcher, however many waited for it. */
  #forget(launcher: Promise<Launcher>): void {
    if (this.#current !== launcher) return
    this.#current = null
    this.#deaths = performance.now() - this.#startedAtMs > SOUND_AFTER_MS ? 0 : this.#deaths + 1
  }
}
