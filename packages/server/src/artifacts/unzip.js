// Unpacks an archive that has passed its checks, and checks what can only be seen on the way: real size and checksum.

import { crc32, createInflateRaw } from 'node:zlib'
import { quote } from './package-paths.js'
import { cannotUnzip } from './package-refused.js'
import { readZipDirectory } from './zip-directory.js'

const storedChunkBytes = 1 << 20

/**
 * @param {Buffer} archive
 * @param {import('./package-writer.js').PackageWriter} writer
 * @param {import('./package-format.js').PackageLimits} limits
 */
export async function unzip(archive, writer, limits) {
  const { files, directories } = await readZipDirectory(archive, limits)
  writer.begin(directories)
  for (const file of files) await writer.addFile(file.path, file.executable, checked(file))
}

/**
 * The bytes of one file. Never more than it said there would be.
 * @param {import('./zip-directory.js').ZippedFile} file
 */
async function* checked(file) {
  const refuse = (/** @type {string} */ why) => cannotUnzip(`${quote(file.path)} ${why}`)
  let bytes = 0
  let checksum = 0
  try {
    for await (const chunk of file.deflated ? inflated(file) : stored(file)) {
      bytes += chunk.byteLength
      if (bytes > file.bytes) throw refuse('is larger than it says')
      checksum = crc32(chunk, checksum)
      yield chunk
    }
  } catch (fault) {
    const code = /** @type {NodeJS.ErrnoException} */ (fault).code
    throw typeof code === 'string' && code.startsWith('Z_') ? refuse('is damaged') : fault
  }
  if (bytes !== file.bytes) throw refuse('is smaller than it says')
  if (checksum !== file.crc32) throw refuse('is damaged: its checksum is wrong')
}

/** @param {import('./zip-directory.js').ZippedFile} file */
async function* inflated({ path, packed }) {
  const inflate = createInflateRaw({ chunkSize: 64 * 1024 })
  inflate.end(packed)
  yield* inflate
  if (inflate.bytesWritten !== packed.byteLength) throw cannotUnzip(`${quote(path)} has bytes after its end`)
}

/** @param {import('./zip-directory.js').ZippedFile} file */
function* stored({ packed }) {
  for (let start = 0; start < packed.byteLength; start += storedChunkBytes)
    yield packed.subarray(start, start + storedChunkBytes)
}
