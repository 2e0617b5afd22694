// How much of the machine sandboxes may take together. Counts what was promised (configured memory), not what is used,
// so that a promise is never broken because others were late to use theirs.

export class Capacity {
  readonly #sandboxesMax: number
  readonly #memoryMbMax: number
  #sandboxes = 0
  #memoryMb = 0

  constructor(limits: { sandboxesMax: number; memoryMbMax: number }) {
    this.#sandboxesMax = limits.sandboxesMax
    this.#memoryMbMax = limits.memoryMbMax
  }

  get sandboxes(): number {
    return this.#sandboxes
  }

  /** False, and nothing taken, when there is no room. A single sandbox always fits an empty machine. */
  reserve(memoryMb: number): boolean {
    const full = this.#sandboxes >= this.#sandboxesMax || this.#memoryMb + memoryMb > this.#memoryMbMax
    if (full && this.#sandboxes > 0) return false
    this.#sandboxes += 1
    this.#memoryMb += memoryMb
    return true
  }

  release(memoryMb: number): void {
    this.#sandboxes -= 1
    this.#memoryMb -= memoryMb
  }
}
