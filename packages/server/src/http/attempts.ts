// Counts wrong keys per address. What makes keys safe against guessing is their 192 bits; this makes a guesser visible,
// answers 429 instead of 401, and never stands in the way of a valid key from the same address.

const windowMs = 60_000
const wrongKeysMax = 20
/** Oldest windows are forgotten first, so that an attacker with many addresses fills no memory. */
const addressesMax = 10_000

interface Window {
  readonly endsMs: number
  wrongKeys: number
}

export class Attempts {
  readonly #nowMs: () => number
  readonly #windows = new Map<string, Window>()

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** How long the address should wait now, in milliseconds; 0 while it is within what honest mistakes need. */
  countWrong(address: string): number {
    const nowMs = this.#nowMs()
    let window = this.#windows.get(address)
    if (window === undefined || window.endsMs <= nowMs) {
      this.#windows.delete(address)
      window = { endsMs: nowMs + windowMs, wrongKeys: 0 }
      this.#windows.set(address, window)
      for (const oldest of this.#windows.keys()) {
        if (this.#windows.size <= addressesMax) break
        this.#windows.delete(oldest)
      }
    }
    window.wrongKeys += 1
    return window.wrongKeys > wrongKeysMax ? window.endsMs - nowMs : 0
  }
}
