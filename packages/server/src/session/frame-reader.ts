// Cuts the guest's byte stream into frames. The bytes are a stranger's: a length is checked before a single byte is
// kept for it, and whole frames inside one chunk are handed on without copying.

import { FRAME_HEADER_BYTES, FRAME_OVERHEAD_BYTES } from '@hearth/protocol'

export interface FrameSink {
  onFrame(type: number, sequence: number, nonce: number, payload: Buffer): void
  /** The stream can no longer be trusted; the reader takes nothing more. */
  onViolation(violation: string): void
}

export class FrameReader {
  readonly #sink: FrameSink
  readonly #payloadBytesMax: number
  /** A frame that did not fit its chunk: filled as bytes arrive. Before its length is known, only the header. */
  #partial: Buffer | null = null
  #have = 0
  #closed = false

  constructor(payloadBytesMax: number, sink: FrameSink) {
    this.#payloadBytesMax = payloadBytesMax
    this.#sink = sink
  }

  /** Ignores everything from now on. */
  close(): void {
    this.#closed = true
    this.#partial = null
  }

  feed(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#closed) {
      at = this.#partial === null ? this.#readWhole(chunk, at) : this.#continue(chunk, at)
    }
  }

  /** A frame that starts at `at`. Returns where the next one does. */
  #readWhole(chunk: Buffer, at: number): number {
    const left = chunk.length - at
    if (left < FRAME_HEADER_BYTES) {
      this.#partial = Buffer.allocUnsafe(FRAME_HEADER_BYTES)
      this.#have = chunk.copy(this.#partial, 0, at)
      return chunk.length
    }
    const total = this.#totalBytes(chunk, at)
    if (total === null) return chunk.length
    if (left < total) {
      this.#partial = Buffer.allocUnsafe(total)
      this.#have = chunk.copy(this.#partial, 0, at)
      return chunk.length
    }
    this.#emit(chunk, at, total)
    return at + total
  }

  #continue(chunk: Buffer, at: number): number {
    let partial = this.#partial as Buffer
    const copied = chunk.copy(partial, this.#have, at)
    this.#have += copied
    if (this.#have < partial.length) return chunk.length
    const total = this.#totalBytes(partial, 0)
    if (total === null) return chunk.length
    if (partial.length < total) {
      // The header is complete only now: make room for the body it announces.
      const header = partial
      partial = Buffer.allocUnsafe(total)
      header.copy(partial, 0, 0, this.#have)
      this.#partial = partial
      return at + copied
    }
    this.#partial = null
    this.#emit(partial, 0, total)
    return at + copied
  }

  #totalBytes(bytes: Buffer, at: number): number | null {
    const length = bytes.readUInt32BE(at)
    if (length < FRAME_OVERHEAD_BYTES || length - FRAME_OVERHEAD_BYTES > this.#payloadBytesMax) {
      this.close()
      this.#sink.onViolation(`a frame of ${length} bytes was announced`)
      return null
    }
    return length + 4
  }

  #emit(bytes: Buffer, at: number, total: number): void {
    this.#sink.onFrame(
      bytes.readUInt8(at + 4),
      bytes.readUInt32BE(at + 5),
      bytes.readUInt32BE(at + 9),
      bytes.subarray(at + FRAME_HEADER_BYTES, at + total),
    )
  }
}
