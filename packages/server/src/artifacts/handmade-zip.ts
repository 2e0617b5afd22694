// Archives that no honest tool would write, for tests: every field of every header can be a lie.

import { crc32 } from 'node:zlib'

export interface HandmadeEntry {
  readonly name: string
  readonly localName: string
  readonly data: Buffer
  readonly crc: number
  readonly method: number
  readonly flags: number
  readonly unixMode: number
  /** Uncompressed size as told by both headers. */
  readonly claimedBytes: number
  /** Points the directory at the bytes of an earlier entry instead of its own. */
  readonly sameDataAs?: number
}

export const entry = (name: string, content: string | Buffer): HandmadeEntry => {
  const data = Buffer.from(content)
  return {
    name,
    localName: name,
    data,
    crc: crc32(data),
    method: 0,
    flags: 0,
    unixMode: 0o100644,
    claimedBytes: data.length,
  }
}

export function handmadeZip(entries: readonly HandmadeEntry[]): Buffer {
  const locals: Buffer[] = []
  const offsets: number[] = []
  let at = 0
  for (const one of entries) {
    if (one.sameDataAs !== undefined) {
      offsets.push(offsets[one.sameDataAs] ?? 0)
      continue
    }
    const name = Buffer.from(one.localName)
    const header = Buffer.alloc(30)
    header.writeUInt32LE(0x04034b50, 0)
    header.writeUInt16LE(20, 4)
    writeCommon(header, 6, one)
    header.writeUInt16LE(name.length, 26)
    offsets.push(at)
    locals.push(header, name, one.data)
    at += header.length + name.length + one.data.length
  }
  const directory = entries.map((one, index) => {
    const name = Buffer.from(one.name)
    const header = Buffer.alloc(46)
    header.writeUInt32LE(0x02014b50, 0)
    header.writeUInt16LE(0x0314, 4)
    header.writeUInt16LE(20, 6)
    writeCommon(header, 8, one)
    header.writeUInt16LE(name.length, 28)
    header.writeUInt32LE((one.unixMode << 16) >>> 0, 38)
    header.writeUInt32LE(offsets[index] ?? 0, 42)
    return Buffer.concat([header, name])
  })
  const directoryBytes = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(directoryBytes.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...locals, directoryBytes, end])
}

/** Flags, method, time, date, checksum and sizes lie in the same order in both headers. */
function writeCommon(header: Buffer, offset: number, one: HandmadeEntry): void {
  header.writeUInt16LE(one.flags, offset)
  header.writeUInt16LE(one.method, offset + 2)
  header.writeUInt32LE(one.crc, offset + 8)
  header.writeUInt32LE(one.data.length, offset + 12)
  header.writeUInt32LE(one.claimedBytes, offset + 16)
}
