// What user code prints. The streams stay raw; this only gives console lines AWS's prefix, and notices which streams a
// call used, so that a boundary line can tell the host where its output ends. A silent call costs nothing.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { format } from 'node:util'

export const STDOUT = 1
export const STDERR = 2

/** How AWS names the levels, and the stream Node prints each on. */
const LEVELS = {
  log: ['INFO', STDOUT],
  info: ['INFO', STDOUT],
  debug: ['DEBUG', STDOUT],
  warn: ['WARN', STDERR],
  error: ['ERROR', STDERR],
  trace: ['TRACE', STDERR],
}

export class Output {
  /** Bits STDOUT and STDERR: printed on since the last boundary. */
  #used = 0
  #boundaryPrefix
  #streams = { [STDOUT]: null, [STDERR]: null }
  /** AWS prints the word for lines of module scope. */
  requestId = 'undefined'

  constructor(boundary) {
    this.#boundaryPrefix = `\0${boundary}:`
    this.#watchStream('stdout', STDOUT)
    this.#watchStream('stderr', STDERR)
    this.#watchFileWrites()
    for (const [name, [level, number]] of Object.entries(LEVELS)) {
      console[name] = (...args) => this.line(level, number, format(...args))
    }
  }

  line(level, number, text) {
    this.#stream(number).write(`${new Date().toISOString()}\t${this.requestId}\t${level}\t${text}\n`)
  }

  /**
   * Ends a call's output: `done(flags)` is called, at once if nothing was printed, when the boundaries are in the pipes
   * of the streams that `flags` names.
   */
  endCall(sequence, done) {
    const used = this.#used
    if (used === 0) {
      done(0)
      return
    }
    let flags = 0
    let pending = 1
    const oneDone = () => {
      pending--
      if (pending === 0) done(flags)
    }
    for (const number of [STDOUT, STDERR]) {
      if ((used & number) === 0) continue
      const { stream, write } = this.#streams[number] ?? this.#open(number)
      if (stream.destroyed || stream.writableEnded) continue
      flags |= number
      write(`${this.#boundaryPrefix}${sequence}\n`)
      if (stream.writableLength > 0) {
        pending++
        write('', oneDone)
      }
    }
    // Last, because the boundaries themselves may pass the watched functions.
    this.#used = 0
    oneDone()
  }

  #stream(number) {
    return (this.#streams[number] ?? this.#open(number)).stream
  }

  #open(number) {
    // The getter installed below.
    void (number === STDOUT ? process.stdout : process.stderr)
    return this.#streams[number]
  }

  /** The streams are built on first use; watching them must not build them earlier. */
  #watchStream(name, number) {
    const { get } = Object.getOwnPropertyDescriptor(process, name)
    const watched = () => {
      if (this.#streams[number] === null) {
        const stream = get.call(process)
        const write = stream.write
        this.#streams[number] = { stream, write: (...args) => write.apply(stream, args) }
        stream.write = (...args) => {
          this.#used |= number
          return write.apply(stream, args)
        }
        // A closed stream is not an error of whatever prints next.
        stream.on('error', () => {})
      }
      return this.#streams[number].stream
    }
    Object.defineProperty(process, name, { configurable: true, enumerable: true, get: watched })
  }

  /** Fast loggers write to the descriptors. */
  #watchFileWrites() {
    for (const name of ['write', 'writeSync', 'writev', 'writevSync']) {
      const original = fs[name]
      fs[name] = (fd, ...args) => {
        if (fd === STDOUT || fd === STDERR) this.#used |= fd
        return original(fd, ...args)
      }
    }
    syncBuiltinESMExports()
  }
}
