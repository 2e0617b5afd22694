// One process per folder. The lock is an abstract Unix socket named after the folder's real path: the kernel drops it
// with the process, so a killed server never locks its successor out, and there is no stale file to judge.

import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { createServer, type Server } from 'node:net'

export interface FolderLock {
  release(): Promise<void>
}

/** Resolves with the lock, or with null when another process holds it. */
export function lockFolder(folder: string): Promise<FolderLock | null> {
  const name = createHash('sha256').update(realpathSync(folder)).digest('hex')
  const server = createServer((socket) => socket.destroy())
  return new Promise((resolve, reject) => {
    server.once('error', (fault: NodeJS.ErrnoException) =>
      fault.code === 'EADDRINUSE' ? resolve(null) : reject(fault),
    )
    server.listen(`\0hearth-${name}`, () => {
      server.unref()
      resolve({ release: () => close(server) })
    })
  })
}

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
