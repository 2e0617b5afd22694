// Compares a package on the disk with the manifest written when it was put there.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { filesName, manifestName } from './package-format.js'

/**
 * @param {string} folder
 * @returns {Promise<import('./package-format.js').Manifest>}
 */
export async function readManifest(folder) {
  return JSON.parse(await readFile(join(folder, manifestName), 'utf8'))
}

/**
 * What is wrong with it, or null.
 * @param {string} folder
 * @returns {Promise<string | null>}
 */
export async function findDamage(folder) {
  try {
    const { files } = await readManifest(folder)
    const expected = new Map(files.map((file) => [file.path, file]))
    for await (const path of pathsIn(join(folder, filesName), '')) {
      const file = expected.get(path)
      if (file === undefined) return `${path} does not belong to it`
      expected.delete(path)
      const damage = await findFileDamage(join(folder, filesName, path), file)
      if (damage !== null) return damage
    }
    const [missing] = expected.keys()
    return missing === undefined ? null : `${missing} is missing`
  } catch (fault) {
    return `it cannot be read: ${/** @type {Error} */ (fault).message}`
  }
}

/**
 * @param {string} path
 * @param {import('./package-format.js').ManifestFile} file
 * @returns {Promise<string | null>}
 */
async function findFileDamage(path, file) {
  const stat = await lstat(path)
  if (!stat.isFile()) return `${file.path} is not a file any more`
  if (stat.size !== file.bytes) return `${file.path} has ${stat.size} bytes instead of ${file.bytes}`
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) hash.update(chunk)
  return hash.digest('hex') === file.sha256 ? null : `${file.path} has other content`
}

/**
 * Every path below a directory that is not itself a directory.
 * @param {string} root
 * @param {string} within
 * @returns {AsyncGenerator<string>}
 */
async function* pathsIn(root, within) {
  for (const entry of await readdir(join(root, within), { withFileTypes: true })) {
    const path = within === '' ? entry.name : `${within}/${entry.name}`
    if (entry.isDirectory()) yield* pathsIn(root, path)
    else yield path
  }
}
