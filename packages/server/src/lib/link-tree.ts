// Makes a directory tree appear in a second place: by hard links where both are on one file system, else by copies.

import {
  chmodSync,
  constants,
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Links cost microseconds, so they are made in one go, in stretches short enough for others to be served in between. */
const ENTRIES_PER_TURN = 200

/**
 * The contents of `from` appear in the existing, empty directory `to`. Files are shared with `from` where that is
 * possible: neither side may write to them. Anything but files, directories and symbolic links is refused.
 */
export const linkTree = async (from: string, to: string): Promise<void> => {
  let sinceTurn = 0
  const pending: [from: string, to: string][] = [[from, to]]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [source, target] = next
    for (const entry of readdirSync(source, { withFileTypes: true })) {
      const here = join(source, entry.name)
      const there = join(target, entry.name)
      if (entry.isDirectory()) {
        mkdirSync(there)
        chmodSync(there, 0o755) // whatever the umask: others must be able to read it
        pending.push([here, there])
      } else if (entry.isFile()) linkOrCopy(here, there)
      else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(here), there)
      else throw new Error(`${here} is neither a file, a directory nor a link`)
      if (++sinceTurn % ENTRIES_PER_TURN === 0) await nextTurn()
    }
  }
}

/** Another file system, too many links, a file owned by somebody else, a file system without hard links. */
const COPY_INSTEAD = new Set(['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP'])

const linkOrCopy = (from: string, to: string): void => {
  try {
    linkSync(from, to)
  } catch (fault) {
    if (!COPY_INSTEAD.has((fault as NodeJS.ErrnoException).code ?? '')) throw fault
    copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  }
}
