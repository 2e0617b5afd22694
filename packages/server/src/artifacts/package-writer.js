// Writes one package in the order that makes a rename mean "durable": files, directories, manifest, each forced to the
// disk, then the name. Until then all of it lies in a folder that the next start removes.

import { createHash } from 'node:crypto'
import { fsyncDirectory, removeTree } from './disk.js'
import { filesName, manifestName } from './package-format.js'

const fileMode = 0o444
const executableMode = 0o555
const directoryMode = 0o555

export class PackageWriter {
  #disk
  #dir
  #name
  #folder
  /** @type {readonly string[]} */
  #directories = []
  /** @type {import('./package-format.js').ManifestFile[]} */
  #files = []

  /**
   * @param {import('./disk.js').Disk} disk
   * @param {string} dir
   * @param {string} temporaryName
   */
  constructor(disk, dir, temporaryName) {
    this.#disk = disk
    this.#dir = dir
    this.#name = temporaryName
    this.#folder = `${dir}/${temporaryName}`
  }

  /** @param {readonly string[]} directories parents first */
  begin(directories) {
    this.#directories = directories
    this.#disk.mkdir(this.#folder)
    this.#disk.mkdir(`${this.#folder}/${filesName}`)
    for (const path of directories) this.#disk.mkdir(this.#onDisk(path))
  }

  /**
   * @param {string} path
   * @param {boolean} executable
   * @param {Iterable<Uint8Array> | AsyncIterable<Uint8Array>} content
   */
  async addFile(path, executable, content) {
    const hash = createHash('sha256')
    let bytes = 0
    const file = this.#disk.create(this.#onDisk(path))
    try {
      for await (const chunk of content) {
        this.#disk.write(file, chunk)
        hash.update(chunk)
        bytes += chunk.byteLength
      }
      this.#disk.fchmod(file, executable ? executableMode : fileMode)
      this.#disk.fsync(file)
    } finally {
      this.#disk.close(file)
    }
    this.#files.push({ path, bytes, sha256: hash.digest('hex'), executable })
  }

  /**
   * Makes the package durable and gives it its name.
   * @param {string} sha256
   * @param {number} uploadBytes
   */
  seal(sha256, uploadBytes) {
    // A directory's entries are its own content: each is forced to the disk, the deepest first.
    const directories = this.#directories.map((path) => this.#onDisk(path)).reverse()
    for (const directory of [...directories, `${this.#folder}/${filesName}`]) {
      this.#disk.chmod(directory, directoryMode)
      fsyncDirectory(this.#disk, directory)
    }
    this.#writeManifest({ uploadBytes, files: this.#files })
    fsyncDirectory(this.#disk, this.#folder)
    this.#disk.rename(this.#folder, `${this.#dir}/${sha256}`)
    fsyncDirectory(this.#disk, this.#dir)
  }

  /** Removes what was written, if it was not sealed. */
  discard() {
    if (this.#disk.list(this.#dir).includes(this.#name)) removeTree(this.#disk, this.#folder)
  }

  /** @param {import('./package-format.js').Manifest} manifest */
  #writeManifest(manifest) {
    const file = this.#disk.create(`${this.#folder}/${manifestName}`)
    try {
      this.#disk.write(file, Buffer.from(JSON.stringify(manifest)))
      this.#disk.fchmod(file, fileMode)
      this.#disk.fsync(file)
    } finally {
      this.#disk.close(file)
    }
  }

  /** @param {string} path */
  #onDisk(path) {
    return `${this.#folder}/${filesName}/${path}`
  }
}
