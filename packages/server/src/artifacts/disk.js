// Every way in which the artifact store changes the disk, in one object: tests put one in its place that fails.

import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs'

/** @typedef {typeof disk} Disk */

export const disk = {
  mkdir: (/** @type {string} */ path) => void mkdirSync(path, { mode: 0o755 }),
  /** A new file; never one that exists, never through a link. */
  create: (/** @type {string} */ path) => openSync(path, 'wx', 0o600),
  /** All of it: a write may take only a part. */
  write(/** @type {number} */ file, /** @type {Uint8Array} */ bytes) {
    for (let done = 0; done < bytes.byteLength; ) done += writeSync(file, bytes, done)
  },
  fsync: (/** @type {number} */ file) => fsyncSync(file),
  fchmod: (/** @type {number} */ file, /** @type {number} */ mode) => fchmodSync(file, mode),
  chmod: (/** @type {string} */ path, /** @type {number} */ mode) => chmodSync(path, mode),
  close: (/** @type {number} */ file) => closeSync(file),
  rename: (/** @type {string} */ from, /** @type {string} */ to) => renameSync(from, to),
  unlink: (/** @type {string} */ path) => unlinkSync(path),
  rmdir: (/** @type {string} */ path) => rmdirSync(path),
  openDirectory: (/** @type {string} */ path) => openSync(path, 'r'),
  /** Names in a directory; none when it does not exist. */
  list(/** @type {string} */ path) {
    try {
      return readdirSync(path)
    } catch (fault) {
      if (/** @type {NodeJS.ErrnoException} */ (fault).code === 'ENOENT') return []
      throw fault
    }
  },
  isDirectory: (/** @type {string} */ path) => lstatSync(path).isDirectory(),
}

/** @param {Disk} disk @param {string} path */
export function fsyncDirectory(disk, path) {
  const directory = disk.openDirectory(path)
  try {
    disk.fsync(directory)
  } finally {
    disk.close(directory)
  }
}

/** Read-only directories too, which a plain recursive removal cannot empty. @param {Disk} disk @param {string} path */
export function removeTree(disk, path) {
  if (!disk.isDirectory(path)) return disk.unlink(path)
  disk.chmod(path, 0o700)
  for (const name of disk.list(path)) removeTree(disk, `${path}/${name}`)
  disk.rmdir(path)
}
