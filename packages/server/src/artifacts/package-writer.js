// Writes one package in the order that makes a rename mean "durable": files, directories, manifest, each forced to the
// disk, then the name. Until then all of it lies in a folder that the next start removes.

import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { fsyncDirectory, removeTree } from './disk.js'
import { filesName, manifestName } from './package-format.js'
import { packagePath, quote } from './package-path.js'
import { PackageRefused } from './package-refused.js'

const fileMode = 0o444
const executableMode = 0o555
const directoryMode = 0o555

export class PackageWriter {
  #disk
  #dir
  #name
  #folder
  #limits
  /** @type {import('./package-format.js').ManifestFile[]} */
  #files = []
  /** Directories by their path, `true` where the package names it itself. @type {Map<string, boolean>} */
  #directories = new Map()
  /** @type {Set<string>} */
  #paths = new Set()

  /**
   * @param {import('./disk.js').Disk} disk
   * @param {string} dir
   * @param {string} temporaryName
   * @param {import('./package-format.js').PackageLimits} limits
   */
  constructor(disk, dir, temporaryName, limits) {
    this.#disk = disk
    this.#dir = dir
    this.#name = temporaryName
    this.#limits = limits
    this.#folder = `${dir}/${temporaryName}`
  }

  begin() {
    this.#disk.mkdir(this.#folder)
    this.#disk.mkdir(`${this.#folder}/${filesName}`)
  }

  /** @param {string} name */
  addDirectory(name) {
    const path = packagePath(name, this.#limits)
    if (this.#paths.has(path)) throw new PackageRefused(`The name ${quote(name)} is a file and a folder.`)
    if (this.#directories.get(path) === true) throw twice(name)
    this.#makeDirectory(path)
    this.#directories.set(path, true)
  }

  /**
   * @param {string} name
   * @param {boolean} executable
   * @param {Iterable<Uint8Array> | AsyncIterable<Uint8Array>} content
   */
  async addFile(name, executable, content) {
    const path = packagePath(name, this.#limits)
    if (this.#paths.has(path)) throw twice(name)
    if (this.#directories.has(path)) throw new PackageRefused(`The name ${quote(name)} is a file and a folder.`)
    const parent = dirname(path)
    if (parent !== '.') this.#makeDirectory(parent)
    this.#paths.add(path)
    this.#refuseTooMany()

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

  get isEmpty() {
    return this.#files.length === 0
  }

  /**
   * Makes the package durable and gives it its name.
   * @param {string} sha256
   * @param {number} uploadBytes
   */
  seal(sha256, uploadBytes) {
    // A directory's entries are its own content: each is forced to the disk, the deepest first.
    const directories = [...this.#directories.keys()]
      .sort((a, b) => b.length - a.length)
      .map((path) => this.#onDisk(path))
    for (const directory of [...directories, `${this.#folder}/${filesName}`]) {
      this.#disk.chmod(directory, directoryMode)
      fsyncDirectory(this.#disk, directory)
    }
    /** @type {import('./package-format.js').Manifest} */
    const manifest = { uploadBytes, files: this.#files }
    const file = this.#disk.create(`${this.#folder}/${manifestName}`)
    try {
      this.#disk.write(file, Buffer.from(JSON.stringify(manifest)))
      this.#disk.fchmod(file, fileMode)
      this.#disk.fsync(file)
    } finally {
      this.#disk.close(file)
    }
    fsyncDirectory(this.#disk, this.#folder)
    this.#disk.rename(this.#folder, `${this.#dir}/${sha256}`)
    fsyncDirectory(this.#disk, this.#dir)
  }

  /** Removes what was written, if it was not sealed. */
  discard() {
    if (this.#disk.list(this.#dir).includes(this.#name)) removeTree(this.#disk, this.#folder)
  }

  /** With its parents. @param {string} path */
  #makeDirectory(path) {
    if (this.#directories.has(path)) return
    if (this.#paths.has(path)) throw new PackageRefused(`The name ${quote(path)} is a file and a folder.`)
    const parent = dirname(path)
    if (parent !== '.') this.#makeDirectory(parent)
    this.#directories.set(path, false)
    this.#refuseTooMany()
    this.#disk.mkdir(this.#onDisk(path))
  }

  /** Folders count: a few deep paths could otherwise make millions of them. */
  #refuseTooMany() {
    if (this.#paths.size + this.#directories.size > this.#limits.zipEntries)
      throw new PackageRefused(`The package has more than ${this.#limits.zipEntries} files and folders.`)
  }

  /** @param {string} path */
  #onDisk(path) {
    return `${this.#folder}/${filesName}/${path}`
  }
}

const twice = (/** @type {string} */ name) => new PackageRefused(`The name ${quote(name)} occurs twice.`)
