// How a package lies on the disk: <dir>/<sha256 of the upload>/{manifest.json, files/...}. A folder with such a name is
// whole, because it got the name by a rename after everything in it was durable; what is unfinished is named tmp-...

/**
 * @typedef {{ path: string, bytes: number, sha256: string, executable: boolean }} ManifestFile
 * @typedef {{ uploadBytes: number, files: ManifestFile[] }} Manifest
 *
 * @typedef {object} PackageLimits
 * @property {number} zipEntries files and folders
 * @property {number} zipPathBytes
 * @property {number} unzippedBytes
 */

export const manifestName = 'manifest.json'
export const filesName = 'files'
export const temporaryPrefix = 'tmp-'
export const isPackageName = (/** @type {string} */ name) => /^[0-9a-f]{64}$/.test(name)
