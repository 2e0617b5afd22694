// A control file that is kept open, because it is read or written around every call. All of them share one buffer:
// nothing here waits, so two uses cannot overlap.

import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'

const shared = Buffer.allocUnsafe(8_192)

export class KeptFile {
  readonly #path: string
  #fd: number | null

  /** Null when the kernel does not have this file. */
  static openIfPresent(path: string): KeptFile | null {
    try {
      return new KeptFile(path, constants.O_RDONLY)
    } catch {
      return null
    }
  }

  static forReading(path: string): KeptFile {
    return new KeptFile(path, constants.O_RDONLY)
  }

  static forWriting(path: string): KeptFile {
    return new KeptFile(path, constants.O_WRONLY)
  }

  private constructor(path: string, mode: number) {
    this.#path = path
    this.#fd = openSync(path, mode)
  }

  /** The whole file as one number. */
  number(): number {
    const length = this.#read()
    return digitsAt(0, length)
  }

  /** The number after `key ` at the start of a line; 0 when there is no such line. */
  field(key: Buffer): number {
    const length = this.#read()
    for (let at = 0; at >= 0 && at < length; at = nextLine(at, length)) {
      const end = at + key.length
      if (end < length && shared[end] === SPACE && shared.compare(key, 0, key.length, at, end) === 0) {
        return digitsAt(end + 1, length)
      }
    }
    return 0
  }

  write(text: string): void {
    const length = shared.write(text, 0, 'latin1')
    writeSync(this.#open(), shared, 0, length, 0)
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
  }

  #read(): number {
    return readSync(this.#open(), shared, 0, shared.length, 0)
  }

  #open(): number {
    if (this.#fd === null) throw new Error(`${this.#path} was used after its control group was removed`)
    return this.#fd
  }
}

const SPACE = 0x20
const NEWLINE = 0x0a

const nextLine = (from: number, length: number): number => {
  const newline = shared.indexOf(NEWLINE, from)
  return newline === -1 || newline >= length ? -1 : newline + 1
}

const digitsAt = (from: number, length: number): number => {
  let value = 0
  for (let at = from; at < length; at++) {
    const digit = (shared[at] ?? 0) - 0x30
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  return value
}
