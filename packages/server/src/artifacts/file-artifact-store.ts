// Code packages as folders named by the SHA-256 of what was uploaded:
//
//   code/<sha256>/files/…        the unpacked package, read-only
//   code/<sha256>/manifest.json  every file with its size and hash
//   code/tmp-<random>/           a package that is being written; after a crash, rubbish
//
// A package appears by one rename, after everything in it is on disk: it is either whole or not there.

import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArtifactStore, StoredCode } from '../domain/artifacts.ts'
import { HearthError } from '../domain/hearth-error.ts'
import { diskFault } from './disk-fault.ts'
import { type PackedFile, unpack } from './unpack.ts'

interface Manifest {
  /** Of the upload. */
  readonly bytes: number
  readonly files: readonly PackedFile[]
}

const sha256Name = /^[0-9a-f]{64}$/
const unfinishedName = /^tmp-/

export class FileArtifactStore implements ArtifactStore {
  readonly #folder: string
  /** Packages that were found whole in this server's life. */
  readonly #verified = new Map<string, Promise<string>>()
  /** Writes under way, so that the same upload twice is one write. */
  readonly #writing = new Map<string, Promise<StoredCode>>()

  constructor(folder: string) {
    this.#folder = folder
  }

  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await this.#syncFolder(join(this.#folder, '..'))
  }

  putZip(archive: Uint8Array): Promise<StoredCode> {
    const sha256 = createHash('sha256').update(archive).digest('hex')
    return this.#put(sha256, archive.length, (folder) => unpack(archive, folder))
  }

  putFile(name: string, text: string): Promise<StoredCode> {
    const bytes = Buffer.from(text)
    const sha256 = createHash('sha256').update(`${name}\0`).update(bytes).digest('hex')
    return this.#put(sha256, bytes.length, async (folder) => {
      const file = await open(join(folder, name), 'wx', 0o444)
      try {
        await file.writeFile(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      await chmod(folder, 0o555)
      await this.#syncFolder(folder)
      return [{ path: name, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }]
    })
  }

  directory(sha256: string): Promise<string> {
    const known = this.#verified.get(sha256)
    if (known !== undefined) return known
    const verifying = this.#verify(sha256)
    this.#verified.set(sha256, verifying)
    // A package that is mended by deploying it again must be looked at again.
    verifying.catch(() => this.#verified.delete(sha256))
    return verifying
  }

  async sweep(inUse: ReadonlySet<string>): Promise<number> {
    let gone = 0
    for (const name of await readdir(this.#folder)) {
      const unused = sha256Name.test(name) && !inUse.has(name) && !this.#writing.has(name)
      const unfinished = unfinishedName.test(name) && this.#writing.size === 0
      if (!unused && !unfinished) continue
      this.#verified.delete(name)
      await removeTree(join(this.#folder, name))
      gone += 1
    }
    return gone
  }

  #put(sha256: string, bytes: number, fill: (folder: string) => Promise<readonly PackedFile[]>): Promise<StoredCode> {
    const writing = this.#writing.get(sha256)
    if (writing !== undefined) return writing
    const put = this.#write(sha256, bytes, fill).finally(() => this.#writing.delete(sha256))
    this.#writing.set(sha256, put)
    return put
  }

  async #write(
    sha256: string,
    bytes: number,
    fill: (folder: string) => Promise<readonly PackedFile[]>,
  ): Promise<StoredCode> {
    const place = join(this.#folder, sha256)
    if (await this.#isWhole(sha256)) return { sha256, bytes }
    const temporary = join(this.#folder, `tmp-${randomBytes(8).toString('hex')}`)
    try {
      const files = join(temporary, 'files')
      await mkdir(files, { recursive: true, mode: 0o755 })
      const manifest: Manifest = { bytes, files: await fill(files) }
      await writeDurably(join(temporary, 'manifest.json'), JSON.stringify(manifest))
      await this.#syncFolder(temporary)
      // What is there under this name was found damaged above.
      await removeTree(place)
      await rename(temporary, place)
      await this.#syncFolder(this.#folder)
    } catch (fault) {
      await removeTree(temporary).catch(() => {})
      if (fault instanceof HearthError) throw fault
      throw isDiskFault(fault) ? diskFault(fault) : fault
    }
    this.#verified.set(sha256, Promise.resolve(join(place, 'files')))
    return { sha256, bytes }
  }

  async #isWhole(sha256: string): Promise<boolean> {
    try {
      await this.directory(sha256)
      return true
    } catch {
      return false
    }
  }

  async #verify(sha256: string): Promise<string> {
    const place = join(this.#folder, sha256)
    const files = join(place, 'files')
    try {
      const manifest = JSON.parse(await readFile(join(place, 'manifest.json'), 'utf8')) as Manifest
      for (const file of manifest.files) {
        const path = join(files, file.path)
        if ((await stat(path)).size !== file.bytes || (await hashOf(path)) !== file.sha256)
          throw new Error(`${file.path} has changed`)
      }
      return files
    } catch (cause) {
      throw new HearthError(
        'code_corrupt',
        'The stored code is missing or has changed since it was deployed; deploy it again.',
        { cause },
      )
    }
  }

  /** Without this a power cut may forget the names in a folder, though the files' contents are safe. */
  async #syncFolder(path: string): Promise<void> {
    const folder = await open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o444)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

/** Folders of packages are read-only; only root may remove from them as they are. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch (fault) {
    if (!isDiskFault(fault) || (fault.code !== 'EACCES' && fault.code !== 'EPERM')) throw fault
    await makeWritable(path)
    await rm(path, { recursive: true, force: true })
  }
}

async function makeWritable(path: string): Promise<void> {
  await chmod(path, 0o755)
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(path, entry.name))
  }
}

const isDiskFault = (fault: unknown): fault is NodeJS.ErrnoException =>
  fault instanceof Error && typeof (fault as NodeJS.ErrnoException).syscall === 'string'
