// User ids for sandboxes: each living one has a host user of its own, so that to the kernel they are strangers.

/** A run of ids that nobody else on the machine uses. */
export interface UidRange {
  readonly first: number
  readonly count: number
}

const SLOT_IDS = 100_000
/**
 * Between what systemd hands to containers (up to 1 879 048 191) and 2^31, where software that keeps ids in signed
 * numbers gives up; far from the `subuid` ranges of users, which grow upwards from 100 000.
 */
const FIRST_ID = 1_900_000_000
const SLOTS = 2_000

/**
 * POLICY: which ids a server takes. Servers with different data folders get different ranges. Where only some ids exist
 * (we are root of a container's user namespace), the upper half of the largest run of them.
 */
export const uidRange = (ownerTag: string, uidMap: string): UidRange => {
  const runs = uidMap
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([first = 0, , count = 0]) => ({ first, count }))
  const wished = { first: FIRST_ID + (Number.parseInt(ownerTag, 16) % SLOTS) * SLOT_IDS, count: SLOT_IDS }
  if (runs.some((run) => run.first <= wished.first && wished.first + wished.count <= run.first + run.count)) {
    return wished
  }
  const largest = runs.reduce((best, run) => (run.count > best.count ? run : best), { first: 0, count: 0 })
  const count = Math.floor(largest.count / 2)
  return { first: largest.first + largest.count - count, count }
}

/** Lends ids, the lowest free one first. An id is never lent twice at a time. */
export class UidPool {
  readonly #range: UidRange
  readonly #lent = new Set<number>()

  constructor(range: UidRange) {
    this.#range = range
  }

  take(): number {
    for (let offset = 0; offset < this.#range.count; offset++) {
      const id = this.#range.first + offset
      if (!this.#lent.has(id)) {
        this.#lent.add(id)
        return id
      }
    }
    throw new Error(`all ${this.#range.count} user ids for sandboxes are in use`)
  }

  giveBack(id: number): void {
    this.#lent.delete(id)
  }
}
