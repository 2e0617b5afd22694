import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'

interface Frame {
  type: number
  sequence: number
  nonce: number
  payload: string
}

function read(chunks: Buffer[], payloadBytesMax = 1000): { frames: Frame[]; violations: string[] } {
  const frames: Frame[] = []
  const violations: string[] = []
  const reader = new FrameReader(payloadBytesMax, {
    onFrame: (type, sequence, nonce, payload) =>
      frames.push({ type, sequence, nonce, payload: payload.toString('hex') }),
    onViolation: (violation) => violations.push(violation),
  })
  for (const chunk of chunks) reader.feed(chunk)
  return { frames, violations }
}

function encode(frame: Frame): Buffer {
  const payload = Buffer.from(frame.payload, 'hex')
  const bytes = Buffer.alloc(13 + payload.length)
  bytes.writeUInt32BE(9 + payload.length, 0)
  bytes.writeUInt8(frame.type, 4)
  bytes.writeUInt32BE(frame.sequence, 5)
  bytes.writeUInt32BE(frame.nonce, 9)
  payload.copy(bytes, 13)
  return bytes
}

const anyFrame = fc.record({
  type: fc.nat(255),
  sequence: fc.nat(0xffffffff),
  nonce: fc.nat(0xffffffff),
  payload: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('hex')),
})

describe('FrameReader', () => {
  it('reads the same frames however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 40 })), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(encode))
        const chunks: Buffer[] = []
        let at = 0
        for (const cut of cuts) {
          if (at >= bytes.length) break
          chunks.push(bytes.subarray(at, at + cut))
          at += cut
        }
        chunks.push(bytes.subarray(at))
        expect(read(chunks)).toEqual({ frames, violations: [] })
      }),
    )
  })

  it('refuses a length above the limit before it has the body, and takes nothing more', () => {
    const huge = Buffer.alloc(13)
    huge.writeUInt32BE(0xffffffff, 0)
    const { frames, violations } = read([huge, encode({ type: 1, sequence: 1, nonce: 1, payload: '' })])
    expect(frames).toEqual([])
    expect(violations).toHaveLength(1)
  })

  it('refuses a length too small for its own header', () => {
    const small = Buffer.alloc(13)
    small.writeUInt32BE(8, 0)
    expect(read([small]).violations).toHaveLength(1)
  })

  it('never throws on garbage, and reports at most one violation', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
        const { violations } = read(chunks.map((chunk) => Buffer.from(chunk)))
        expect(violations.length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('FrameWriter', () => {
  it('writes what the reader reads, in order, whatever the sizes and moments', async () => {
    const channel = new PassThrough({ highWaterMark: 1 << 24 })
    const writer = new FrameWriter(channel)
    const sizes = [0, 1, 70_000, 5, 200_000, 3]
    const bodies = sizes.map((size, index) => Buffer.alloc(size, index + 1))
    for (const [index, body] of bodies.entries()) {
      writer.send(2, index, 7, index % 2 === 0 ? Buffer.from('head') : null, body, index === 0)
    }
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    const { frames, violations } = read([channel.read()], 300_000)
    expect(violations).toEqual([])
    expect(frames.map((frame) => frame.payload)).toEqual(
      bodies.map((body, index) => Buffer.concat([Buffer.from(index % 2 === 0 ? 'head' : ''), body]).toString('hex')),
    )
  })
})
