// Unpacks one archive into one folder, in a thread of its own that can be ended at any moment. The archive is a
// stranger's: everything it claims is checked against what it really holds, and bytes are counted as they come out.
// Plain JavaScript, because a worker's entry is loaded by Node itself, from the sources as well as from the build.

// @ts-check
import { createHash } from 'node:crypto'
import { closeSync, fchmodSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import { fromBufferPromise } from 'yauzl'

/**
 * @typedef {{ archive: Uint8Array, folder: string, limits: { entries: number, pathBytes: number, bytes: number } }} Task
 * @typedef {{ path: string, bytes: number, sha256: string }} UnpackedFile
 */

/** What is wrong with an archive, in words for its sender. */
class Refusal extends Error {}

const FILE_TYPE_MASK = 0o170000
const REGULAR = 0o100000
const DIRECTORY = 0o040000
const SUPPORTED_METHODS = [0, 8]

/** @param {Task} task */
async function unpack({ archive, folder, limits }) {
  const zip = await fromBufferPromise(Buffer.from(archive), {
    lazyEntries: true,
    validateEntrySizes: true,
    strictFileNames: true,
    decodeStrings: true,
  })
  if (zip.entryCount > limits.entries) throw new Refusal(`It has more than ${limits.entries} entries.`)
  /** @type {UnpackedFile[]} */
  const files = []
  const paths = new Paths(folder)
  const ranges = new Ranges()
  let bytesLeft = limits.bytes
  let seen = 0
  for await (const entry of zip.eachEntry()) {
    seen += 1
    if (seen > limits.entries) throw new Refusal(`It has more than ${limits.entries} entries.`)
    const name = checkedName(entry, limits.pathBytes)
    const unixMode = entry.externalFileAttributes >>> 16
    const type = unixMode & FILE_TYPE_MASK
    if (type !== 0 && type !== REGULAR && type !== DIRECTORY) {
      throw new Refusal(`"${name}" is neither a file nor a folder: links and devices are not taken.`)
    }
    if (entry.isEncrypted()) throw new Refusal(`"${name}" is encrypted.`)
    if (!SUPPORTED_METHODS.includes(entry.compressionMethod)) {
      throw new Refusal(`"${name}" is compressed by a method that is not supported.`)
    }
    const local = await zip.readLocalFileHeaderPromise(entry)
    if (!Buffer.from(local.fileName).equals(Buffer.from(entry.fileNameRaw))) {
      throw new Refusal(`"${name}" has another name in its own header than in the directory of the archive.`)
    }
    ranges.add(entry.relativeOffsetOfLocalHeader, local.fileDataStart + entry.compressedSize, name)
    if (name.endsWith('/')) {
      if (entry.uncompressedSize > 0) throw new Refusal(`The folder "${name}" has content.`)
      paths.addFolder(name.slice(0, -1))
      continue
    }
    if (type === DIRECTORY) throw new Refusal(`"${name}" is said to be a folder but is named like a file.`)
    // What it claims can be refused at once; what it holds is counted below all the same.
    if (entry.uncompressedSize > bytesLeft) throw tooLarge(limits.bytes)
    paths.addFile(name)
    const file = await writeFile(zip, entry, join(folder, name), bytesLeft, limits.bytes, (unixMode & 0o100) !== 0)
    bytesLeft -= file.bytes
    files.push({ path: name, ...file })
  }
  paths.syncFolders()
  return files
}

/** @param {import('yauzl').Entry} entry */
function checkedName(entry, /** @type {number} */ bytesMax) {
  const name = String(entry.fileName)
  if (Buffer.byteLength(name) > bytesMax) throw new Refusal(`A path is longer than ${bytesMax} bytes.`)
  if (name === '' || name.includes('\0') || name.includes('\\') || name.startsWith('/')) {
    throw new Refusal(`The path ${JSON.stringify(name)} is not allowed.`)
  }
  const parts = name.replace(/\/$/, '').split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..' || Buffer.byteLength(part) > 255)) {
    throw new Refusal(`The path ${JSON.stringify(name)} is not allowed.`)
  }
  return name
}

/** Every name once, and none both a file and a folder. */
class Paths {
  #folder
  /** @type {Set<string>} */
  #files = new Set()
  /** @type {Set<string>} */
  #folders = new Set()

  constructor(/** @type {string} */ folder) {
    this.#folder = folder
  }

  addFile(/** @type {string} */ name) {
    if (this.#files.has(name) || this.#folders.has(name)) throw new Refusal(`"${name}" is in it twice.`)
    const parent = dirname(name)
    if (parent !== '.') this.addFolder(parent)
    this.#files.add(name)
  }

  addFolder(/** @type {string} */ name) {
    if (this.#files.has(name)) throw new Refusal(`"${name}" is both a file and a folder.`)
    if (this.#folders.has(name)) return
    const parent = dirname(name)
    if (parent !== '.') this.addFolder(parent)
    this.#folders.add(name)
    mkdirSync(join(this.#folder, name))
  }

  /** Innermost first; a folder that nothing more comes into is closed for writing. */
  syncFolders() {
    for (const name of [...this.#folders, ''].sort((a, b) => b.length - a.length)) {
      const fd = openSync(join(this.#folder, name), 'r')
      fchmodSync(fd, 0o555)
      fsyncSync(fd)
      closeSync(fd)
    }
  }
}

/** Bytes of the archive that an entry claims: no two may claim the same ones (small archives that unpack to oceans). */
class Ranges {
  /** @type {{ start: number, end: number }[]} Sorted. */
  #claimed = []

  add(/** @type {number} */ start, /** @type {number} */ end, /** @type {string} */ name) {
    let low = 0
    let high = this.#claimed.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#claimed[middle]?.start ?? 0) < start) low = middle + 1
      else high = middle
    }
    const before = this.#claimed[low - 1]
    const after = this.#claimed[low]
    if ((before !== undefined && before.end > start) || (after !== undefined && after.start < end)) {
      throw new Refusal(`"${name}" shares bytes with another entry.`)
    }
    this.#claimed.splice(low, 0, { start, end })
  }
}

/**
 * @param {import('yauzl').ZipFile} zip
 * @param {import('yauzl').Entry} entry
 */
async function writeFile(
  zip,
  entry,
  /** @type {string} */ path,
  /** @type {number} */ bytesLeft,
  /** @type {number} */ bytesMax,
  /** @type {boolean} */ executable,
) {
  const hash = createHash('sha256')
  let sum = 0
  let bytes = 0
  // Exclusively: on a file system that folds names, two of them could be one file.
  const fd = openSync(path, 'wx', 0o600)
  try {
    for await (const part of await zip.openReadStreamPromise(entry)) {
      bytes += part.length
      if (bytes > bytesLeft) throw tooLarge(bytesMax)
      sum = crc32(part, sum)
      hash.update(part)
      for (let at = 0; at < part.length; ) at += writeSync(fd, part, at)
    }
    if (sum !== entry.crc32) throw new Refusal(`"${entry.fileName}" is damaged: its checksum is wrong.`)
    fchmodSync(fd, executable ? 0o555 : 0o444)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  return { bytes, sha256: hash.digest('hex') }
}

const tooLarge = (/** @type {number} */ bytesMax) => new Refusal(`Unzipped size must be smaller than ${bytesMax} bytes`)

/** Faults of the disk are ours; everything else is the archive's. */
const isDiskFault = (/** @type {any} */ fault) => typeof fault?.syscall === 'string'

try {
  parentPort?.postMessage({ files: await unpack(workerData) })
} catch (fault) {
  const told = /** @type {any} */ (fault)
  if (isDiskFault(told)) parentPort?.postMessage({ diskFault: { code: told.code, message: told.message } })
  else
    parentPort?.postMessage({ refusal: told instanceof Refusal ? told.message : `It cannot be read: ${told.message}` })
}
