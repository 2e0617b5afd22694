// Reads what a zip archive says about itself and believes none of it: everything that can be checked without inflating
// is checked here, before a byte is written (P-ZIP-1).

import yauzl from 'yauzl'
import { PackagePaths, quote, tooMany } from './package-paths.js'
import { cannotUnzip, PackageRefused } from './package-refused.js'

/**
 * @typedef {object} ZippedFile
 * @property {string} path
 * @property {boolean} executable
 * @property {boolean} deflated
 * @property {number} bytes what it says it inflates to
 * @property {number} crc32
 * @property {Uint8Array} packed its bytes in the archive
 */

const FLAG = { encrypted: 1 << 0, dataDescriptor: 1 << 3, strongEncryption: 1 << 6, utf8: 1 << 11, masked: 1 << 13 }
const METHOD = { stored: 0, deflated: 8 }
/** The file type in the upper half of the external attributes, as Unix writes it. */
const TYPE = { mask: 0o170000, regular: 0o100000, directory: 0o040000 }
const centralHeaderSignature = 0x02014b50
const inZip64 = 0xffffffff
/** What deflate can make of one byte at the very most; a bigger claim is a lie. */
const deflateRatioMax = 1_032

/**
 * @param {Buffer} archive
 * @param {import('./package-format.js').PackageLimits} limits
 * @returns {Promise<{ files: ZippedFile[], directories: string[] }>}
 */
export async function readZipDirectory(archive, limits) {
  try {
    return await readEntries(archive, limits)
  } catch (fault) {
    // Nothing but the archive is touched here, so whatever went wrong is wrong with the archive.
    throw fault instanceof PackageRefused ? fault : cannotUnzip(/** @type {Error} */ (fault).message)
  }
}

/**
 * @param {Buffer} archive
 * @param {import('./package-format.js').PackageLimits} limits
 * @returns {Promise<{ files: ZippedFile[], directories: string[] }>}
 */
async function readEntries(archive, limits) {
  const options = { decodeStrings: false, lazyEntries: true, strictFileNames: true, validateEntrySizes: false }
  const zip = await yauzl.fromBufferPromise(archive, options)
  // yauzl moves this cursor along; now it stands at the first entry. Its types take it for a boolean.
  const directoryStart = Number(zip.readEntryCursor)
  if (zip.entryCount > limits.zipEntries) throw tooMany(limits)

  const paths = new PackagePaths(limits)
  /** @type {ZippedFile[]} */
  const files = []
  /** @type {{ start: number, end: number, name: string }[]} */
  const extents = []
  let bytes = 0
  for await (const entry of zip.eachEntry()) {
    const name = nameOf(entry)
    const header = await zip.readLocalFileHeaderPromise(entry)
    const start = entry.relativeOffsetOfLocalHeader
    const end = header.fileDataStart + entry.compressedSize
    if (end > directoryStart) throw cannotUnzip(`${quote(name)} reaches beyond the archive's contents`)
    refuseOddities(entry, header, name)
    if (name.endsWith('/')) paths.addDirectory(name)
    else files.push(zippedFile(entry, paths.addFile(name), archive.subarray(header.fileDataStart, end)))
    extents.push({ start, end, name })
    bytes += entry.uncompressedSize
    if (bytes > limits.unzippedBytes) throw tooLarge(limits)
  }
  const cursor = Number(zip.readEntryCursor)
  if (archive.length >= cursor + 4 && archive.readUInt32LE(cursor) === centralHeaderSignature)
    throw cannotUnzip('it has more entries than it says')
  refuseOverlaps(extents)
  if (files.length === 0) throw new PackageRefused('Uploaded file must be a non-empty zip')
  return { files, directories: paths.directories }
}

/** In the words of AWS. */
const tooLarge = (/** @type {import('./package-format.js').PackageLimits} */ { unzippedBytes }) =>
  new PackageRefused(`Unzipped size must be smaller than ${unzippedBytes} bytes`)

/**
 * @param {import('yauzl').Entry} entry
 * @param {import('yauzl').LocalFileHeader} header
 * @param {string} name
 */
function refuseOddities(entry, header, name) {
  const refuse = (/** @type {string} */ why) => cannotUnzip(`${quote(name)} ${why}`)
  const flags = entry.generalPurposeBitFlag
  if ((flags | header.generalPurposeBitFlag) & (FLAG.encrypted | FLAG.strongEncryption | FLAG.masked))
    throw refuse('is encrypted')
  if (entry.compressionMethod !== METHOD.stored && entry.compressionMethod !== METHOD.deflated)
    throw refuse('is compressed in another way than by deflate')
  const type = (entry.externalFileAttributes >>> 16) & TYPE.mask
  if (type !== 0 && type !== TYPE.regular && type !== TYPE.directory)
    throw refuse('is a link or a special file; only regular files and folders are taken')
  if (type !== 0 && (type === TYPE.directory) !== name.endsWith('/')) throw refuse('is a file and a folder')
  if (name.endsWith('/') && entry.uncompressedSize !== 0) throw refuse('is a folder with content')
  if (entry.compressionMethod === METHOD.stored && entry.compressedSize !== entry.uncompressedSize)
    throw refuse('has two sizes')
  if (entry.uncompressedSize > entry.compressedSize * deflateRatioMax) throw refuse('claims an impossible size')

  // What one program reads from the local header and another from the central directory has to be the same.
  if (!header.fileName.equals(entry.fileNameRaw)) throw refuse('has two names')
  if (header.compressionMethod !== entry.compressionMethod) throw refuse('is compressed in two ways')
  const sameOr = (/** @type {number} */ local, /** @type {number} */ central, /** @type {boolean} */ mayDiffer) =>
    local === central || (mayDiffer && (local === 0 || local === inZip64))
  // With a data descriptor the local header was written before the sizes were known.
  const described = ((flags | header.generalPurposeBitFlag) & FLAG.dataDescriptor) !== 0
  const zip64 = yauzl.parseExtraFields(header.extraField).some(({ id }) => id === 1)
  if (!sameOr(header.crc32, entry.crc32, described)) throw refuse('has two checksums')
  if (
    !sameOr(header.compressedSize, entry.compressedSize, described || zip64) ||
    !sameOr(header.uncompressedSize, entry.uncompressedSize, described || zip64)
  )
    throw refuse('has two sizes')
}

/**
 * @param {import('yauzl').Entry} entry
 * @param {string} path
 * @param {Uint8Array} packed
 * @returns {ZippedFile}
 */
const zippedFile = (entry, path, packed) => ({
  path,
  executable: ((entry.externalFileAttributes >>> 16) & 0o111) !== 0,
  deflated: entry.compressionMethod === METHOD.deflated,
  bytes: entry.uncompressedSize,
  crc32: entry.crc32,
  packed,
})

/**
 * Names are UTF-8 where they are valid UTF-8 (many programs write it without saying so), else what the archive says.
 * @param {import('yauzl').Entry} entry
 */
function nameOf(entry) {
  try {
    return utf8.decode(entry.fileNameRaw)
  } catch {
    if (entry.generalPurposeBitFlag & FLAG.utf8) throw cannotUnzip('a name is not valid UTF-8')
    return yauzl.getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true)
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Entries that share bytes inflate to far more than the archive holds.
 * @param {{ start: number, end: number, name: string }[]} extents
 */
function refuseOverlaps(extents) {
  extents.sort((a, b) => a.start - b.start)
  let reached = 0
  for (const { start, end, name } of extents) {
    if (start < reached) throw cannotUnzip(`${quote(name)} shares bytes with another entry`)
    reached = end
  }
}
