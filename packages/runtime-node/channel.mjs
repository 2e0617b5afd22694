// The byte stream to the host. A write is in the kernel's hands before `send` returns whenever the kernel takes it:
// what the host was told must survive whatever user code does next.

import fs from 'node:fs'
import { connect, Socket } from 'node:net'

const READ_BYTES = 64 * 1024

// Captured, because user code may replace them: even what is imported from a built-in module by name changes with the
// module. An exit must not run user code's exit listeners.
const { writeSync } = fs
const exit = process.reallyExit.bind(process)

export class Channel {
  #socket
  /** For writing without the cost of a stream; -1 while there is none. */
  #fd = -1
  #onBytes = null
  /** What came before anybody listened. */
  #early = []

  constructor(address) {
    const onread = {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (length, bytes) => {
        if (this.#onBytes === null) this.#early.push(Buffer.from(bytes.subarray(0, length)))
        else this.#onBytes(bytes, length)
        return true
      },
    }
    const [, scheme, place] = /^(fd|unix):(.+)$/.exec(address) ?? []
    if (scheme === 'fd') {
      this.#fd = Number(place)
      this.#socket = new Socket({ fd: this.#fd, readable: true, writable: true, onread })
    } else if (scheme === 'unix') {
      this.#socket = connect({ path: place, onread })
      this.#socket.on('connect', () => {
        // Not a public member; without it writes only take the longer way through the stream.
        this.#fd = this.#socket._handle?.fd ?? -1
      })
    } else {
      process.stderr.write(`The channel's address must be fd:<number> or unix:<path>, not '${address}'\n`)
      exit(64)
    }
    // Without a host there is nobody to run for.
    this.#socket.on('error', () => exit(1))
    this.#socket.on('end', () => exit(0))
    this.#socket.on('close', () => exit(0))
  }

  /** `onBytes(bytes, length)`; the bytes are only valid during the call. */
  listen(onBytes) {
    this.#onBytes = onBytes
    const early = this.#early
    this.#early = []
    for (const bytes of early) onBytes(bytes, bytes.length)
  }

  /**
   * True if the kernel has all of the bytes. Else `onSent` is called once it has them; until then the bytes must not
   * change and nothing else may be sent.
   */
  send(bytes, length, onSent) {
    let sent = 0
    if (this.#fd >= 0 && this.#socket.writableLength === 0) {
      try {
        while (sent < length) sent += writeSync(this.#fd, bytes, sent, length - sent)
        return true
      } catch (error) {
        if (error.code !== 'EAGAIN') exit(1)
      }
    }
    this.#socket.write(bytes.subarray(sent, length), onSent)
    return false
  }

  /** Whether waiting for the host keeps the process alive. */
  holdOpen(hold) {
    if (hold) this.#socket.ref()
    else this.#socket.unref()
  }
}
