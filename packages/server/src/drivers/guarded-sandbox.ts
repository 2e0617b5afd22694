// Stands between a sandbox and everybody who uses it: one operation at a time, repeats that do no harm, one destruction.
//
// | state      | means                                        | leaves it                    |
// |------------|----------------------------------------------|------------------------------|
// | alive      | operations run one after another             | destroy() -> destroying      |
// | destroying | everything else is refused; cannot be undone | destroyed, or failed to be -> gone |
// | gone       | nothing of it is left, as far as is known    | never                        |

import { HearthError } from '../domain/hearth-error.ts'
import type { Sandbox, SandboxExit, SandboxLimits, SandboxStats } from '../domain/sandbox.ts'

export class GuardedSandbox implements Sandbox {
  readonly #inner: Sandbox
  readonly #operateWithinMs: number
  readonly #onGone: () => void
  /** The operation under way, or the last of those that wait behind it. */
  #busy: Promise<void> | null = null
  #frozen = false
  #destroyed: Promise<void> | null = null
  #reason: string | null = null

  constructor(inner: Sandbox, operateWithinMs: number, onGone: () => void) {
    this.#inner = inner
    this.#operateWithinMs = operateWithinMs
    this.#onGone = onGone
  }

  get id(): string {
    return this.#inner.id
  }
  get isolation(): Sandbox['isolation'] {
    return this.#inner.isolation
  }
  get channel(): Sandbox['channel'] {
    return this.#inner.channel
  }
  get stdout(): Sandbox['stdout'] {
    return this.#inner.stdout
  }
  get stderr(): Sandbox['stderr'] {
    return this.#inner.stderr
  }
  get taskRoot(): string {
    return this.#inner.taskRoot
  }
  get exited(): Promise<SandboxExit> {
    return this.#inner.exited
  }

  inject(codeDir: string, limits: SandboxLimits): Promise<void> {
    return this.#operate(() => this.#inner.inject(codeDir, limits))
  }

  setLimits(limits: SandboxLimits): void {
    if (this.#destroyed === null) this.#inner.setLimits(limits)
  }

  freeze(): Promise<void> {
    if (this.#frozen) return this.#busy ?? Promise.resolve()
    this.#frozen = true
    return this.#operate(() => this.#inner.freeze())
  }

  thaw(): Promise<void> {
    if (!this.#frozen) return this.#busy ?? Promise.resolve()
    this.#frozen = false
    return this.#operate(() => this.#inner.thaw())
  }

  stats(): SandboxStats {
    return this.#inner.stats()
  }

  /** Overtakes whatever is under way: a hung operation must not keep a sandbox alive. The first reason is the reason. */
  destroy(reason: string): Promise<void> {
    if (this.#destroyed === null) {
      this.#reason = reason
      this.#destroyed = this.#inner.destroy(reason).finally(this.#onGone)
    }
    return this.#destroyed
  }

  #operate(work: () => Promise<void>): Promise<void> {
    if (this.#destroyed !== null) return Promise.reject(this.#refusal())
    // Nothing under way: starts in this very turn, which is what a call that waits for a thaw needs.
    const operation = this.#busy === null ? this.#bounded(work) : this.#busy.then(() => this.#bounded(work))
    const ended = operation.then(ignore, ignore)
    this.#busy = ended
    void ended.then(() => {
      if (this.#busy === ended) this.#busy = null
    })
    return operation
  }

  #bounded(work: () => Promise<void>): Promise<void> {
    if (this.#destroyed !== null) return Promise.reject(this.#refusal())
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new HearthError('start_failed', 'The sandbox does not respond.')),
        this.#operateWithinMs,
      )
      work()
        .then(resolve, reject)
        .finally(() => clearTimeout(timer))
    })
  }

  #refusal(): HearthError {
    return new HearthError('start_failed', `The sandbox is gone: ${this.#reason}.`)
  }
}

const ignore = (): void => {}
