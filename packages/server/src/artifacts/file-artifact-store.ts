// Code packages as folders, by the hash of what was uploaded. Whatever touches many bytes happens in threads.

import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { LIMITS } from '@hearth/protocol'
import type { ArtifactStore, StoredCode } from '../domain/artifacts.ts'
import { HearthError } from '../domain/hearth-error.ts'
import { type Log, silentLog } from '../domain/log.ts'
import {
  filesName,
  isPackageName,
  type Manifest,
  manifestName,
  type PackageLimits,
  temporaryPrefix,
} from './package-format.js'
import { PackageThread } from './package-thread.ts'
import type { PackageJob, PackageResult } from './package-worker.js'
import { findDamage, readManifest } from './verify-package.js'

export interface FileArtifactStoreOptions {
  /** Made if it is missing; below a folder that only this user can enter. */
  readonly dir: string
  readonly log?: Log
  /** How long one package may take to unpack or to check. */
  readonly jobMs?: number
  readonly limits?: PackageLimits
  /** The module that changes the disk. */
  readonly disk?: URL
}

/** POLICY: a package that is checked in about a millisecond is not worth a thread. */
const isQuicklyChecked = ({ files }: Manifest): boolean =>
  files.length <= 16 && files.reduce((sum, { bytes }) => sum + bytes, 0) <= 256 * 1024

/** The manifest of a package with more files than that is not even read here. */
const quickManifestBytesMax = 8 * 1024

export class FileArtifactStore implements ArtifactStore {
  readonly #dir: string
  readonly #log: Log
  /** Two, so that a cold start's check does not wait behind somebody's upload. */
  readonly #writing: PackageThread
  readonly #checking: PackageThread
  /** Directories handed out or being checked, by hash. */
  readonly #checked = new Map<string, Promise<string>>()

  constructor({
    dir,
    log = silentLog,
    jobMs = 60_000,
    limits = LIMITS,
    disk = new URL('./disk.js', import.meta.url),
  }: FileArtifactStoreOptions) {
    this.#dir = dir
    this.#log = log
    const { zipEntries, zipPathBytes, unzippedBytes } = limits
    const options = { dir, disk: disk.href, limits: { zipEntries, zipPathBytes, unzippedBytes }, jobMs, idleMs: 10_000 }
    this.#writing = new PackageThread(options)
    this.#checking = new PackageThread(options)
  }

  async putZip(archive: Uint8Array): Promise<StoredCode> {
    if (archive.byteLength === 0) throw new HearthError('invalid_package', 'Uploaded file must be a non-empty zip')
    if (archive.byteLength > LIMITS.zipBytes)
      throw new HearthError('invalid_package', `The zip archive must not be larger than ${LIMITS.zipBytes} bytes.`)
    // A copy to give away: the caller's bytes stay the caller's.
    const bytes = new Uint8Array(archive)
    const temporaryName = newTemporaryName()
    return await this.#put({ kind: 'put-zip', archive: bytes, temporaryName }, [bytes.buffer])
  }

  async putFile(name: string, text: string): Promise<StoredCode> {
    return await this.#put({ kind: 'put-file', name, text, temporaryName: newTemporaryName() })
  }

  async directory(sha256: string): Promise<string> {
    const known = this.#checked.get(sha256)
    if (known !== undefined) return await known
    const checking = this.#check(sha256)
    this.#checked.set(sha256, checking)
    try {
      return await checking
    } catch (fault) {
      this.#checked.delete(sha256)
      throw fault
    }
  }

  async sweep(inUse: ReadonlySet<string>): Promise<number> {
    for (const sha256 of this.#checked.keys()) if (!inUse.has(sha256)) this.#checked.delete(sha256)
    const result = await this.#writing.run({ kind: 'sweep', inUse })
    return 'removed' in result ? result.removed : 0
  }

  /** Ends the threads. What was put stays; the store may be used again. */
  async close(): Promise<void> {
    await Promise.all([this.#writing.close(), this.#checking.close()])
  }

  async #put(job: PackageJob & { temporaryName: string }, transfer: readonly ArrayBuffer[] = []): Promise<StoredCode> {
    await this.#makeDir()
    let result: PackageResult
    try {
      result = await this.#writing.run(job, transfer)
    } catch (fault) {
      await this.#removeLeftover(job.temporaryName)
      throw fault
    }
    if (!('sha256' in result)) throw new Error('the package thread answered another question')
    return result
  }

  /** Only a thread that was killed leaves something; the next start would remove it too. */
  async #removeLeftover(name: string): Promise<void> {
    try {
      await this.#writing.run({ kind: 'remove', names: [name] })
    } catch (fault) {
      this.#log.warn({ err: fault, name }, 'an unfinished code package could not be removed; the next start will')
    }
  }

  async #check(sha256: string): Promise<string> {
    const folder = join(this.#dir, sha256)
    const damage = isPackageName(sha256) ? await this.#findDamage(sha256, folder) : 'that is not the name of a package'
    if (damage === null) return join(folder, filesName)
    this.#log.error({ sha256, damage }, 'stored code is damaged')
    throw new HearthError('code_corrupt', `The stored code ${sha256} is damaged (${damage}). Deploy it again.`)
  }

  async #findDamage(sha256: string, folder: string): Promise<string | null> {
    try {
      if (statSync(join(folder, manifestName)).size <= quickManifestBytesMax && isQuicklyChecked(readManifest(folder)))
        return findDamage(folder)
    } catch {
      return 'its manifest is missing or unreadable'
    }
    const result = await this.#checking.run({ kind: 'find-damage', sha256 })
    return 'damage' in result ? result.damage : 'it could not be checked'
  }

  async #makeDir(): Promise<void> {
    try {
      await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    } catch (cause) {
      throw new HearthError('storage_unavailable', 'The folder for code packages cannot be made.', {
        cause,
      })
    }
  }
}

const newTemporaryName = (): string => temporaryPrefix + randomBytes(8).toString('hex')
