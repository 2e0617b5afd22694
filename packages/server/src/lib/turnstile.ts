// Lets work on one key through one at a time, in the order it came. Keys do not wait for each other.

export class Turnstile {
  readonly #last = new Map<string, Promise<unknown>>()

  async pass<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)
    const turn = before === undefined ? work() : before.then(work)
    // Whoever comes next waits for the end of this turn, good or bad, and is not told which.
    const ended = turn.then(ignore, ignore)
    this.#last.set(key, ended)
    try {
      return await turn
    } finally {
      if (this.#last.get(key) === ended) this.#last.delete(key)
    }
  }
}

const ignore = (): void => {}
