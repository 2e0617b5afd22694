// Which names the files of one package may have, and the folders that follow from them. Known before anything is
// written, so that a bad name far back costs nothing.

import { dirname } from 'node:path'
import { PackageRefused } from './package-refused.js'

/** Longest name of one file or directory that Linux takes. */
const segmentBytesMax = 255

export class PackagePaths {
  #limits
  /** @type {Set<string>} */
  #files = new Set()
  /** `true` where the package names the folder itself. @type {Map<string, boolean>} */
  #directories = new Map()

  /** @param {import('./package-format.js').PackageLimits} limits */
  constructor(limits) {
    this.#limits = limits
  }

  /** Every folder, parents first. */
  get directories() {
    return [...this.#directories.keys()]
  }

  /**
   * The path of a file on the disk: relative, `/` between segments, nothing that climbs.
   * @param {string} name
   */
  addFile(name) {
    const path = this.#pathOf(name)
    if (this.#files.has(path)) throw twice(name)
    if (this.#directories.has(path)) throw fileAndFolder(name)
    this.#addParents(path, name)
    this.#files.add(path)
    this.#refuseTooMany()
    return path
  }

  /** @param {string} name */
  addDirectory(name) {
    const path = this.#pathOf(name)
    if (this.#directories.get(path) === true) throw twice(name)
    if (this.#files.has(path)) throw fileAndFolder(name)
    this.#addParents(path, name)
    this.#directories.set(path, true)
    this.#refuseTooMany()
    return path
  }

  /**
   * @param {string} path
   * @param {string} name
   */
  #addParents(path, name) {
    const parent = dirname(path)
    if (parent === '.' || this.#directories.has(parent)) return
    if (this.#files.has(parent)) throw fileAndFolder(name)
    this.#addParents(parent, name)
    this.#directories.set(parent, false)
    this.#refuseTooMany()
  }

  /** Folders count: a few deep paths could otherwise make millions of them. */
  #refuseTooMany() {
    if (this.#files.size + this.#directories.size > this.#limits.zipEntries) throw tooMany(this.#limits)
  }

  /** @param {string} name */
  #pathOf(name) {
    const refuse = (/** @type {string} */ why) => new PackageRefused(`The name ${quote(name)} ${why}.`)
    const { zipPathBytes } = this.#limits
    if (Buffer.byteLength(name) > zipPathBytes) throw refuse(`is longer than ${zipPathBytes} bytes`)
    if (name.includes('\0')) throw refuse('contains NUL')
    if (name.includes('\\')) throw refuse('contains a backslash; use / between folders')
    if (name.startsWith('/') || /^[a-z]:/i.test(name)) throw refuse('is absolute')
    const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.')
    if (segments.includes('..')) throw refuse('climbs out of the package with ..')
    if (segments.length === 0) throw refuse('names nothing')
    if (segments.some((segment) => Buffer.byteLength(segment) > segmentBytesMax))
      throw refuse(`has a part that is longer than ${segmentBytesMax} bytes`)
    return segments.join('/')
  }
}

/** Short, and harmless in a terminal. @param {string} name */
export const quote = (name) => JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name)

/** @param {import('./package-format.js').PackageLimits} limits */
export const tooMany = ({ zipEntries }) =>
  new PackageRefused(`The package has more than ${zipEntries} files and folders.`)

const twice = (/** @type {string} */ name) => new PackageRefused(`The name ${quote(name)} occurs twice.`)
const fileAndFolder = (/** @type {string} */ name) =>
  new PackageRefused(`The name ${quote(name)} makes one path a file and a folder.`)
