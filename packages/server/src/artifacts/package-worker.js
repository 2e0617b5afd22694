// The thread that unpacks, writes, checks and removes packages. One job at a time; it may be killed in the middle of any.

import { createHash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { fsyncDirectory, removeTree } from './disk.js'
import { isPackageName, temporaryPrefix } from './package-format.js'
import { PackagePaths } from './package-paths.js'
import { PackageRefused } from './package-refused.js'
import { PackageWriter } from './package-writer.js'
import { unzip } from './unzip.js'
import { findDamage, readManifest } from './verify-package.js'

/**
 * @typedef {{ dir: string, disk: string, limits: import('./package-format.js').PackageLimits }} PackageWorkerData
 *
 * @typedef {{ kind: 'put-zip', archive: Uint8Array, temporaryName: string }
 *   | { kind: 'put-file', name: string, text: string, temporaryName: string }
 *   | { kind: 'find-damage', sha256: string }
 *   | { kind: 'remove', names: readonly string[] }
 *   | { kind: 'sweep', inUse: ReadonlySet<string> }} PackageJob
 *
 * @typedef {{ sha256: string, bytes: number } | { damage: string | null } | { removed: number }} PackageResult
 *
 * @typedef {{ result: PackageResult, error: null }
 *   | { result: null, error: { kind: 'refused' | 'storage' | 'fault', message: string, code: string } }} PackageReply
 */

const { dir, disk: diskModule, limits } = /** @type {PackageWorkerData} */ (workerData)
const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort)
/** @type {{ disk: import('./disk.js').Disk }} */
const { disk } = await import(diskModule)

port.on('message', async (/** @type {PackageJob} */ job) => {
  /** @type {PackageReply} */
  let reply
  try {
    reply = { result: await done(job), error: null }
  } catch (fault) {
    const { message, code = '' } = /** @type {NodeJS.ErrnoException} */ (fault)
    reply = { result: null, error: { kind: kindOf(fault), message, code } }
  }
  port.postMessage(reply)
})

/**
 * @param {PackageJob} job
 * @returns {Promise<PackageResult>}
 */
async function done(job) {
  switch (job.kind) {
    case 'put-zip': {
      const archive = Buffer.from(job.archive.buffer, job.archive.byteOffset, job.archive.byteLength)
      const sha256 = createHash('sha256').update(archive).digest('hex')
      return await put(sha256, archive.byteLength, job.temporaryName, (writer) => unzip(archive, writer, limits))
    }
    case 'put-file': {
      const bytes = Buffer.from(job.text)
      // NUL cannot be part of a name, so no two pairs of name and text make the same string of bytes.
      const sha256 = createHash('sha256').update(`${job.name}\0`).update(bytes).digest('hex')
      return await put(sha256, bytes.byteLength, job.temporaryName, async (writer) => {
        const paths = new PackagePaths(limits)
        const path = paths.addFile(job.name)
        writer.begin(paths.directories)
        await writer.addFile(path, false, [bytes])
      })
    }
    case 'find-damage':
      return { damage: findDamage(`${dir}/${job.sha256}`) }
    case 'remove':
      return { removed: remove(job.names) }
    case 'sweep': {
      const isUnused = (/** @type {string} */ name) =>
        name.startsWith(temporaryPrefix) || (isPackageName(name) && !job.inUse.has(name))
      return { removed: remove(disk.list(dir).filter(isUnused)) }
    }
  }
}

/**
 * @param {string} sha256
 * @param {number} uploadBytes
 * @param {string} temporaryName
 * @param {(writer: PackageWriter) => Promise<void>} write
 */
async function put(sha256, uploadBytes, temporaryName, write) {
  if (isKept(sha256)) {
    // Perhaps it got its name in a moment that the disk has not seen yet.
    fsyncDirectory(disk, dir)
    return { sha256, bytes: readManifest(`${dir}/${sha256}`).uploadBytes }
  }
  const writer = new PackageWriter(disk, dir, temporaryName)
  try {
    await write(writer)
    replaceDamaged(sha256)
    writer.seal(sha256, uploadBytes)
  } catch (fault) {
    writer.discard()
    throw fault
  }
  return { sha256, bytes: uploadBytes }
}

/** @param {string} sha256 */
function isKept(sha256) {
  return disk.list(`${dir}/${sha256}`).length > 0 && findDamage(`${dir}/${sha256}`) === null
}

/** A package that is there although it is not kept is damaged: the same upload heals it. @param {string} sha256 */
function replaceDamaged(sha256) {
  if (disk.list(dir).includes(sha256)) remove([sha256])
}

/** @param {readonly string[]} names */
function remove(names) {
  const present = new Set(disk.list(dir))
  let removed = 0
  for (const name of names) {
    if (!present.has(name)) continue
    // A half-removed package must not keep the name of a whole one.
    const doomed = name.startsWith(temporaryPrefix) ? name : `${temporaryPrefix}${name}-gone`
    if (doomed !== name) {
      if (present.has(doomed)) removeTree(disk, `${dir}/${doomed}`)
      disk.rename(`${dir}/${name}`, `${dir}/${doomed}`)
    }
    removeTree(disk, `${dir}/${doomed}`)
    removed += 1
  }
  return removed
}

/**
 * @param {unknown} fault
 * @returns {'refused' | 'storage' | 'fault'}
 */
function kindOf(fault) {
  if (fault instanceof PackageRefused) return 'refused'
  return typeof (/** @type {NodeJS.ErrnoException} */ (fault).syscall) === 'string' ? 'storage' : 'fault'
}
