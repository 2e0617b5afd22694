// Frames on the channel: u32 length of what follows | u8 type | u32 sequence | u32 nonce | payload, big-endian.

export const FRAME = { init: 1, call: 2, ready: 65, inited: 66, initFailed: 67, started: 68, answer: 69 }
export const CALL_KIND = { event: 0, http: 1, arguments: 2 }
export const ANSWER_STATUS = { returned: 0, failed: 1, rejected: 2 }

export const HEADER_BYTES = 13
/** What the length field counts beyond the payload. */
const OVERHEAD_BYTES = 9
const ANSWER_HEAD_BYTES = 2
/** A UTF-16 unit becomes at most this many bytes of UTF-8. */
const UTF8_BYTES_MAX = 3

function writeHeader(bytes, at, payloadBytes, type, sequence, nonce) {
  bytes.writeUInt32BE(OVERHEAD_BYTES + payloadBytes, at)
  bytes[at + 4] = type
  bytes.writeUInt32BE(sequence, at + 5)
  bytes.writeUInt32BE(nonce, at + 9)
}

/** A frame that belongs to no call. */
export function frame(type, payload) {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  writeHeader(bytes, 0, payload.length, type, 0, 0)
  bytes.set(payload, HEADER_BYTES)
  return bytes
}

/** Cuts the host's byte stream into frames: `onFrame(type, sequence, nonce, bytes, start, end)`. */
export class FrameReader {
  #onFrame
  /** A frame that did not fit its chunk, filled as bytes arrive; before its length is known, only the header. */
  #partial = null
  #have = 0

  constructor(onFrame) {
    this.#onFrame = onFrame
  }

  /** The bytes are only valid during the call. */
  feed(bytes, length) {
    let at = 0
    while (at < length) at = this.#partial === null ? this.#whole(bytes, at, length) : this.#more(bytes, at, length)
  }

  #whole(bytes, at, length) {
    const left = length - at
    const total = left < HEADER_BYTES ? HEADER_BYTES : bytes.readUInt32BE(at) + 4
    if (left >= total) {
      this.#emit(bytes, at, total)
      return at + total
    }
    this.#partial = Buffer.allocUnsafe(total)
    this.#have = bytes.copy(this.#partial, 0, at, length)
    return length
  }

  #more(bytes, at, length) {
    const copied = bytes.copy(this.#partial, this.#have, at, length)
    this.#have += copied
    const partial = this.#partial
    if (this.#have < partial.length) return length
    const total = partial.readUInt32BE(0) + 4
    if (partial.length < total) {
      this.#partial = Buffer.allocUnsafe(total)
      partial.copy(this.#partial)
    } else {
      this.#partial = null
      this.#emit(partial, 0, total)
    }
    return at + copied
  }

  #emit(bytes, at, total) {
    this.#onFrame(
      bytes[at + 4],
      bytes.readUInt32BE(at + 5),
      bytes.readUInt32BE(at + 9),
      bytes,
      at + HEADER_BYTES,
      at + total,
    )
  }
}

const OUTBOX_BYTES = 64 * 1024

/** Frames on their way out, collected so that an answer and the start of the next call are one write. */
export class Outbox {
  bytes = Buffer.allocUnsafeSlow(OUTBOX_BYTES)
  length = 0

  clear() {
    this.length = 0
    if (this.bytes.length > OUTBOX_BYTES) this.bytes = Buffer.allocUnsafeSlow(OUTBOX_BYTES)
  }

  started(call) {
    this.#reserve(HEADER_BYTES)
    writeHeader(this.bytes, this.length, 0, FRAME.started, call.sequence, call.nonce)
    this.length += HEADER_BYTES
  }

  /**
   * `head`: null, or the head of an HTTP answer (latin-1). `body`: text or bytes.
   * False, and nothing is added, if head and body together have more than `bytesMax` bytes.
   */
  answer(call, status, flags, head, body, bytesMax) {
    const headBytes = head === null ? 0 : 4 + head.length
    const bodyBytesMax = typeof body === 'string' ? this.#textBytesMax(body, bytesMax) : body.length
    if (headBytes + bodyBytesMax > bytesMax && headBytes + Buffer.byteLength(body) > bytesMax) return false
    this.#reserve(HEADER_BYTES + ANSWER_HEAD_BYTES + headBytes + bodyBytesMax)

    const start = this.length
    let at = start + HEADER_BYTES
    this.bytes[at++] = status
    this.bytes[at++] = flags
    if (head !== null) {
      at = this.bytes.writeUInt32BE(head.length, at)
      at += this.bytes.write(head, at, 'latin1')
    }
    if (typeof body === 'string') at += this.bytes.write(body, at)
    else {
      this.bytes.set(body, at)
      at += body.length
    }
    writeHeader(this.bytes, start, at - start - HEADER_BYTES, FRAME.answer, call.sequence, call.nonce)
    this.length = at
    return true
  }

  /** Counting the bytes of a short text costs more than reserving too many. */
  #textBytesMax(text, bytesMax) {
    if (text.length > bytesMax) return text.length
    const bytes = text.length * UTF8_BYTES_MAX
    return bytes < OUTBOX_BYTES / 2 ? bytes : Buffer.byteLength(text)
  }

  #reserve(bytes) {
    const needed = this.length + bytes
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, OUTBOX_BYTES))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }
}
