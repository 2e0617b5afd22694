// The host's ends of a sandbox's stdout and stderr: named pipes that the launcher made, gone from the folder as soon as
// they are open. (Sockets would be simpler, but a program that opens /dev/stdout fails on one.)

import { constants, openSync, unlinkSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'

export interface OutputPipes {
  readonly stdout: Socket
  readonly stderr: Socket
}

export const openOutputPipes = (folder: string, id: string): OutputPipes => ({
  stdout: openPipe(join(folder, `${id}.out`)),
  stderr: openPipe(join(folder, `${id}.err`)),
})

/** For a sandbox that never came to life. */
export const discardOutputPipes = (folder: string, id: string): void => {
  for (const stream of ['out', 'err']) {
    try {
      unlinkSync(join(folder, `${id}.${stream}`))
    } catch {
      // it was opened, or never made
    }
  }
}

const openPipe = (path: string): Socket => {
  // Never waits: the launcher holds the pipe open until it is told that we do.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  unlinkSync(path)
  const pipe = new Socket({ fd, readable: true, writable: false })
  pipe.on('error', () => {}) // 'close' follows
  return pipe
}
