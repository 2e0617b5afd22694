/** Time, handed in so that tests can hold it still. Durations only ever come from `nowMs`. */
export interface Clock {
  /** Monotonic milliseconds with a fraction; its zero means nothing. */
  nowMs(): number
  /** Wall-clock time, for showing to people and for storing; never subtracted. */
  wallMs(): number
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
}
