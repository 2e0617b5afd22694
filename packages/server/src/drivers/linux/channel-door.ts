// The Unix socket at which every sandbox's channel arrives. It lies in a folder that only the server can enter, and each
// connection begins with the random token of its sandbox; whatever else comes is turned away.

import { randomBytes } from 'node:crypto'
import { closeSync, constants, openSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'

const TOKEN_CHARACTERS = 32
const TOKEN_WITHIN_MS = 5_000

/** Fixed: the launcher's child connects to this name within the folder. */
const SOCKET_NAME = 'door.sock'

export interface Expected {
  readonly token: string
  /** Rejects only after `cancel`. */
  readonly channel: Promise<Socket>
  cancel(reason: Error): void
}

export class ChannelDoor {
  readonly #server: Server
  readonly #folderFd: number
  readonly #expected = new Map<string, (channel: Socket) => void>()
  readonly #strangers = new Set<Socket>()

  static async open(folder: string): Promise<ChannelDoor> {
    const door = new ChannelDoor(folder)
    await new Promise<void>((resolve, reject) => {
      door.#server.once('error', reject)
      // A socket's path may have 107 bytes; by way of our descriptor any folder is near enough.
      door.#server.listen(`/proc/self/fd/${door.#folderFd}/${SOCKET_NAME}`, resolve)
    })
    return door
  }

  private constructor(folder: string) {
    this.#folderFd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
    this.#server = createServer((socket) => this.#greet(socket))
  }

  expect(): Expected {
    const token = randomBytes(TOKEN_CHARACTERS / 2).toString('hex')
    let reject: (reason: Error) => void = () => {}
    const channel = new Promise<Socket>((resolve, fail) => {
      this.#expected.set(token, resolve)
      reject = fail
    })
    channel.catch(() => {}) // whoever awaits it hears of it
    return {
      token,
      channel,
      cancel: (reason) => {
        this.#expected.delete(token)
        reject(reason)
      },
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#strangers) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
    closeSync(this.#folderFd)
  }

  #greet(socket: Socket): void {
    this.#strangers.add(socket)
    const timer = setTimeout(() => socket.destroy(), TOKEN_WITHIN_MS)
    timer.unref()
    const onReadable = () => {
      const token = socket.read(TOKEN_CHARACTERS) as Buffer | null
      if (token !== null) settle(this.#expected.get(token.toString('latin1')), token.toString('latin1'))
    }
    const onClose = () => settle(undefined, '')
    const settle = (deliver: ((channel: Socket) => void) | undefined, token: string) => {
      clearTimeout(timer)
      this.#strangers.delete(socket)
      socket.off('readable', onReadable).off('close', onClose)
      if (deliver === undefined) {
        socket.destroy()
        return
      }
      this.#expected.delete(token)
      deliver(socket)
    }
    socket.on('readable', onReadable).on('close', onClose)
    // 'close' follows. It stays for good: there is a moment before the session listens for itself.
    socket.on('error', () => {})
  }
}
