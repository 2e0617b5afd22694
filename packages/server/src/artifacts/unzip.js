// Unpacks an archive that has passed its checks, and checks what can only be seen on the way: real size and checksum.

import { crc32, createInflateRaw } from 'node:zlib'
import { quote } from './package-path.js'
import { cannotUnzip } from './package-refused.js'
import { readZipDirectory } from './zip-directory.js'

const storedChunkBytes = 1 << 20

/**
 * @param {Buffer} archive
 * @param {import('./package-writer.js').PackageWriter} writer
 * @param {import('./package-format.js').PackageLimits} limits
 */
export async function unzip(archive, writer, limits) {
  const members = await readZipDirectory(archive, limits)
  writer.begin()
  for (const member of members) {
    if (member.isDirectory) writer.addDirectory(member.name)
    else await writer.addFile(member.name, member.executable, checked(member))
  }
}

/**
 * The bytes of one file. Never more than it said there would be.
 * @param {import('./zip-directory.js').ZipMember} member
 */
async function* checked(member) {
  const refuse = (/** @type {string} */ why) => cannotUnzip(`${quote(member.name)} ${why}`)
  let bytes = 0
  let checksum = 0
  try {
    for await (const chunk of member.deflated ? inflated(member) : stored(member)) {
      bytes += chunk.byteLength
      if (bytes > member.bytes) throw refuse('is larger than it says')
      checksum = crc32(chunk, checksum)
      yield chunk
    }
  } catch (fault) {
    const code = /** @type {NodeJS.ErrnoException} */ (fault).code
    throw typeof code === 'string' && code.startsWith('Z_') ? refuse('is damaged') : fault
  }
  if (bytes !== member.bytes) throw refuse('is smaller than it says')
  if (checksum !== member.crc32) throw refuse('is damaged: its checksum is wrong')
}

/** @param {import('./zip-directory.js').ZipMember} member */
async function* inflated({ name, packed }) {
  const inflate = createInflateRaw({ chunkSize: 64 * 1024 })
  inflate.end(packed)
  yield* inflate
  if (inflate.bytesWritten !== packed.byteLength) throw cannotUnzip(`${quote(name)} has bytes after its end`)
}

/** @param {import('./zip-directory.js').ZipMember} member */
function* stored({ packed }) {
  for (let start = 0; start < packed.byteLength; start += storedChunkBytes)
    yield packed.subarray(start, start + storedChunkBytes)
}
