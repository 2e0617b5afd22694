/** First in, first out, without moving what stays. Knows what everything in it weighs together. */
export class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0
  #weight = 0
  readonly #weigh: (item: T) => number

  /** An item's weight must not change while it is in here. */
  constructor(weigh: (item: T) => number = () => 0) {
    this.#weigh = weigh
  }

  get weight(): number {
    return this.#weight
  }

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: T): void {
    this.#weight += this.#weigh(item)
    this.#items.push(item)
  }

  /** To the front: for work that came back without having been begun. */
  unshift(item: T): void {
    this.#weight += this.#weigh(item)
    if (this.#head > 0) {
      this.#head -= 1
      this.#items[this.#head] = item
    } else this.#items.unshift(item)
  }

  peek(): T | undefined {
    return this.#items[this.#head]
  }

  shift(): T | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#weight -= this.#weigh(item)
    this.#items[this.#head] = undefined
    this.#head += 1
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  remove(item: T): boolean {
    const at = this.#items.indexOf(item, this.#head)
    if (at < 0) return false
    this.#items.splice(at, 1)
    this.#weight -= this.#weigh(item)
    return true
  }
}
