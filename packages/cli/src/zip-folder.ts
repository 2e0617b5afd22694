// Packs a folder so that the same files always give the same bytes, and with them the same hash on the server.

import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'
import { UsageError } from './failure.ts'

export interface PackedFile {
  /** Path inside the archive, with slashes. */
  readonly name: string
  readonly path: string
  readonly executable: boolean
}

/** Never part of what a function runs. */
const LEFT_OUT = new Set(['.git', '.hg', '.svn', '.DS_Store', '__pycache__', '.venv', '.pytest_cache', '.hearth'])

/** The earliest time an archive can tell. */
const NO_TIME = new Date(1980, 0, 1)

/** All files below a folder, in a fixed order. Links to files inside count as files; other links are refused. */
export async function listFolder(folder: string): Promise<PackedFile[]> {
  const root = await realpath(folder)
  const files: PackedFile[] = []
  const refused: string[] = []
  await walk(root, '')
  if (refused.length > 0) {
    throw new UsageError(
      `These are links out of the folder, or to folders, or no files at all; remove or copy them: ${refused.join(', ')}`,
    )
  }
  return files.sort((one, other) => (one.name < other.name ? -1 : 1))

  async function walk(path: string, prefix: string): Promise<void> {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const name = prefix + entry.name
      const full = join(path, entry.name)
      // Commands of npm packages: links for people's shells.
      if (LEFT_OUT.has(entry.name) || (entry.name === '.bin' && prefix.endsWith('node_modules/'))) continue
      if (entry.isDirectory()) await walk(full, `${name}/`)
      else if (await isFileInside(root, full)) {
        files.push({ name, path: full, executable: ((await stat(full)).mode & 0o100) !== 0 })
      } else refused.push(name)
    }
  }
}

export async function zipFiles(files: readonly PackedFile[]): Promise<Buffer> {
  const zip = new ZipFile()
  for (const { name, path, executable } of files) {
    const mode = executable ? 0o100755 : 0o100644
    zip.addBuffer(await readFile(path), name, { mtime: NO_TIME, mode, forceDosTimestamp: true })
  }
  zip.end()
  return await buffer(zip.outputStream)
}

async function isFileInside(root: string, path: string): Promise<boolean> {
  const real = await realpath(path).catch(() => '')
  return real.startsWith(root + sep) && (await stat(real)).isFile()
}
