// Zip archives written byte by byte, so that each can lie in exactly one place.

import { crc32, deflateRawSync } from 'node:zlib'

export interface ForgedEntry {
  readonly name: string | Uint8Array
  readonly content?: string | Uint8Array
  readonly deflate?: boolean
  /** Unix mode with its file type; 0 for an archive made elsewhere. */
  readonly mode?: number
  readonly flags?: number
  readonly method?: number
  readonly crc?: number
  readonly bytes?: number
  readonly packed?: Uint8Array
  readonly packedBytes?: number
  readonly centralExtra?: Uint8Array
  /** What the local header says instead. */
  readonly local?: {
    name?: string
    crc?: number
    bytes?: number
    packedBytes?: number
    flags?: number
    method?: number
  }
  /** Where the directory says its local header is. */
  readonly localOffset?: number
}

export interface ForgedEnd {
  readonly entries?: number
  readonly directoryOffset?: number
  readonly comment?: string
  readonly zip64?: { entries: bigint; directoryOffset?: bigint }
}

export function forgeZip(entries: readonly ForgedEntry[], end: ForgedEnd = {}): Buffer {
  const parts: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const entry of entries) {
    const name = Buffer.from(entry.name as string)
    const content = Buffer.from((entry.content ?? '') as string)
    const packed = Buffer.from(entry.packed ?? (entry.deflate ? deflateRawSync(content) : content))
    const method = entry.method ?? (entry.deflate ? 8 : 0)
    const fields = {
      flags: entry.flags ?? 0x800,
      method,
      crc: entry.crc ?? crc32(content),
      packedBytes: entry.packedBytes ?? packed.length,
      bytes: entry.bytes ?? content.length,
    }
    const localName = entry.local?.name === undefined ? name : Buffer.from(entry.local.name)
    const local = Buffer.concat([localHeader({ ...fields, ...entry.local }, localName), packed])
    parts.push(local)
    central.push(centralHeader(fields, name, entry.mode ?? 0o100644, entry.localOffset ?? offset, entry.centralExtra))
    offset += local.length
  }
  const directory = Buffer.concat(central)
  const directoryOffset = end.directoryOffset ?? offset
  const tail: Buffer[] = []
  if (end.zip64 !== undefined) tail.push(zip64End(end.zip64, BigInt(directoryOffset), offset + directory.length))
  tail.push(endRecord(end.entries ?? entries.length, directory.length, directoryOffset, end.comment ?? ''))
  return Buffer.concat([...parts, directory, ...tail])
}

interface Fields {
  readonly flags: number
  readonly method: number
  readonly crc: number
  readonly packedBytes: number
  readonly bytes: number
}

function localHeader({ flags, method, crc, packedBytes, bytes }: Fields, name: Buffer): Buffer {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(20, 4)
  header.writeUInt16LE(flags, 6)
  header.writeUInt16LE(method, 8)
  header.writeUInt32LE(crc, 14)
  header.writeUInt32LE(packedBytes, 18)
  header.writeUInt32LE(bytes, 22)
  header.writeUInt16LE(name.length, 26)
  return Buffer.concat([header, name])
}

function centralHeader(
  { flags, method, crc, packedBytes, bytes }: Fields,
  name: Buffer,
  mode: number,
  localOffset: number,
  extra: Uint8Array = new Uint8Array(),
): Buffer {
  const header = Buffer.alloc(46)
  header.writeUInt32LE(0x02014b50, 0)
  header.writeUInt16LE((3 << 8) | 20, 4)
  header.writeUInt16LE(20, 6)
  header.writeUInt16LE(flags, 8)
  header.writeUInt16LE(method, 10)
  header.writeUInt32LE(crc, 16)
  header.writeUInt32LE(packedBytes, 20)
  header.writeUInt32LE(bytes, 24)
  header.writeUInt16LE(name.length, 28)
  header.writeUInt16LE(extra.length, 30)
  header.writeUInt32LE((mode << 16) >>> 0, 38)
  header.writeUInt32LE(localOffset, 42)
  return Buffer.concat([header, name, extra])
}

function endRecord(entries: number, directoryBytes: number, directoryOffset: number, comment: string): Buffer {
  const record = Buffer.alloc(22)
  record.writeUInt32LE(0x06054b50, 0)
  record.writeUInt16LE(entries & 0xffff, 8)
  record.writeUInt16LE(entries & 0xffff, 10)
  record.writeUInt32LE(directoryBytes, 12)
  record.writeUInt32LE(directoryOffset, 16)
  record.writeUInt16LE(comment.length, 20)
  return Buffer.concat([record, Buffer.from(comment)])
}

function zip64End(
  { entries, directoryOffset }: { entries: bigint; directoryOffset?: bigint },
  realOffset: bigint,
  at: number,
): Buffer {
  const record = Buffer.alloc(56 + 20)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(44n, 4)
  record.writeBigUInt64LE(entries, 24)
  record.writeBigUInt64LE(entries, 32)
  record.writeBigUInt64LE(directoryOffset ?? realOffset, 48)
  record.writeUInt32LE(0x07064b50, 56)
  record.writeBigUInt64LE(BigInt(at), 56 + 8)
  return record
}

/** The extra field that gives an entry's sizes and place in 64 bits. */
export function zip64Sizes(...values: bigint[]): Uint8Array {
  const extra = Buffer.alloc(4 + 8 * values.length)
  extra.writeUInt16LE(1, 0)
  extra.writeUInt16LE(8 * values.length, 2)
  for (const [index, value] of values.entries()) extra.writeBigUInt64LE(value, 4 + 8 * index)
  return extra
}
