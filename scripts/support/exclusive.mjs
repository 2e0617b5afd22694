// One at a time among all processes that work in this clone. The lock is a listening socket: the system drops it with
// the process that holds it, so nothing stale can stay behind, and those who wait are woken by the hang-up.

import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './root.mjs'

const name = `hearth-clone-${createHash('sha256').update(root).digest('hex').slice(0, 32)}`
/** Linux has sockets without files; elsewhere a file is left when its process is killed. */
const address = process.platform === 'linux' ? `\0${name}` : join(tmpdir(), `${name}.sock`)

/**
 * @template T
 * @param {() => Promise<T>} work
 * @param {() => void} onWait told once, when another process is at work
 * @returns {Promise<T>}
 */
export async function exclusively(work, onWait) {
  let release = await tryToLock()
  if (release === null) onWait()
  while (release === null) {
    await hangUp()
    release = await tryToLock()
  }
  try {
    return await work()
  } finally {
    release()
  }
}

/** @returns {Promise<(() => void) | null>} */
function tryToLock() {
  /** @type {Set<import('node:net').Socket>} */
  const waiting = new Set()
  const server = createServer((socket) => {
    waiting.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => waiting.delete(socket))
  })
  return new Promise((resolve, reject) => {
    server.on('error', (/** @type {NodeJS.ErrnoException} */ error) =>
      error.code === 'EADDRINUSE' ? resolve(null) : reject(error),
    )
    server.listen(address, () =>
      resolve(() => {
        server.close()
        for (const socket of waiting) socket.destroy()
      }),
    )
  })
}

/** Resolves when whoever holds the lock lets go of it. @returns {Promise<void>} */
function hangUp() {
  return new Promise((resolve) => {
    const socket = connect(address)
    socket.resume()
    socket.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code === 'ECONNREFUSED' && !address.startsWith('\0')) rmSync(address, { force: true })
    })
    socket.on('close', () => resolve())
  })
}
