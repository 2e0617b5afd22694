// Sends frames to the guest: at once while it is waiting for work, else one write for all frames of a turn of the
// event loop, because a guest that is busy gains nothing from getting its next frame earlier.

import type { Writable } from 'node:stream'
import { FRAME_HEADER_BYTES, FRAME_OVERHEAD_BYTES } from '@hearth/protocol'

/** Above this, joining frames costs more than a second system call. */
const joinBytesMax = 64 * 1024

export class FrameWriter {
  readonly #channel: Writable
  #pending: Buffer[] = []
  #pendingBytes = 0
  #scheduled = false

  constructor(channel: Writable) {
    this.#channel = channel
  }

  send(type: number, sequence: number, nonce: number, head: Buffer | null, body: Uint8Array, now: boolean): void {
    const headBytes = head === null ? 0 : head.length
    const payloadBytes = headBytes + body.length
    const joined = payloadBytes <= joinBytesMax
    const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + headBytes + (joined ? body.length : 0))
    frame.writeUInt32BE(FRAME_OVERHEAD_BYTES + payloadBytes, 0)
    frame.writeUInt8(type, 4)
    frame.writeUInt32BE(sequence, 5)
    frame.writeUInt32BE(nonce, 9)
    if (head !== null) frame.set(head, FRAME_HEADER_BYTES)
    if (joined) frame.set(body, FRAME_HEADER_BYTES + headBytes)
    this.#push(frame)
    if (!joined) this.#push(Buffer.from(body.buffer, body.byteOffset, body.byteLength))
    if (now && !this.#scheduled) this.#flush()
    else this.#schedule()
  }

  #push(bytes: Buffer): void {
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#onTurnEnd)
  }

  readonly #onTurnEnd = (): void => {
    this.#scheduled = false
    this.#flush()
  }

  #flush(): void {
    const pending = this.#pending
    if (pending.length === 0 || this.#channel.destroyed) return
    const bytes = this.#pendingBytes
    this.#pending = []
    this.#pendingBytes = 0
    const first = pending[0] as Buffer
    if (pending.length === 1) this.#channel.write(first)
    else if (bytes <= joinBytesMax) this.#channel.write(Buffer.concat(pending, bytes))
    else {
      this.#channel.cork()
      for (const part of pending) this.#channel.write(part)
      this.#channel.uncork()
    }
  }
}
