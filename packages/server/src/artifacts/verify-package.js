// Compares a package on the disk with the manifest written when it was put there. Synchronous, because a thread that has
// nothing else to do checks thousands of small files many times faster so; see the store for when it runs where.

import { createHash } from 'node:crypto'
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { filesName, manifestName } from './package-format.js'

/**
 * @param {string} folder
 * @returns {import('./package-format.js').Manifest}
 */
export const readManifest = (folder) => JSON.parse(readFileSync(join(folder, manifestName), 'utf8'))

/**
 * What is wrong with it, or null.
 * @param {string} folder
 * @returns {string | null}
 */
export function findDamage(folder) {
  try {
    const expected = new Map(readManifest(folder).files.map((file) => [file.path, file]))
    for (const path of pathsIn(join(folder, filesName), '')) {
      const file = expected.get(path)
      if (file === undefined) return `${path} does not belong to it`
      expected.delete(path)
      const damage = findFileDamage(join(folder, filesName, path), file)
      if (damage !== null) return damage
    }
    const [missing] = expected.keys()
    return missing === undefined ? null : `${missing} is missing`
  } catch (fault) {
    return `it cannot be read: ${/** @type {NodeJS.ErrnoException} */ (fault).code ?? 'its manifest makes no sense'}`
  }
}

/**
 * @param {string} path
 * @param {import('./package-format.js').ManifestFile} file
 * @returns {string | null}
 */
function findFileDamage(path, file) {
  const stat = lstatSync(path)
  if (!stat.isFile()) return `${file.path} is not a file any more`
  if (stat.size !== file.bytes) return `${file.path} has ${stat.size} bytes instead of ${file.bytes}`
  return hashOf(path) === file.sha256 ? null : `${file.path} has other content`
}

const buffer = Buffer.allocUnsafe(256 * 1024)

/** @param {string} path */
function hashOf(path) {
  const hash = createHash('sha256')
  const file = openSync(path, 'r')
  try {
    for (;;) {
      const bytes = readSync(file, buffer)
      if (bytes === 0) return hash.digest('hex')
      hash.update(buffer.subarray(0, bytes))
    }
  } finally {
    closeSync(file)
  }
}

/**
 * Every path below a directory that is not itself a directory.
 * @param {string} root
 * @param {string} within
 * @returns {Generator<string>}
 */
function* pathsIn(root, within) {
  for (const entry of readdirSync(join(root, within), { withFileTypes: true })) {
    const path = within === '' ? entry.name : `${within}/${entry.name}`
    if (entry.isDirectory()) yield* pathsIn(root, path)
    else yield path
  }
}
