// What user code prints. The streams stay raw; this only gives console lines AWS's prefix, and notices which streams a
// call used, so that a boundary line can tell the host where its output ends. A silent call costs nothing.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { format } from 'node:util'

// The descriptor's number is also the stream's bit in the flags of an answer.
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
  #boundaryPrefix
  #stdout = new WatchedStream('stdout')
  #stderr = new WatchedStream('stderr')
  /** Of the call that runs or ran last; AWS prints the word for lines of module scope. */
  requestId = 'undefined'

  constructor(boundary) {
    this.#boundaryPrefix = `\0${boundary}:`
    this.#watchFileWrites()
    for (const [name, [level, number]] of Object.entries(LEVELS)) {
      console[name] = (...args) => this.line(level, number, format(...args))
    }
  }

  line(level, number, text) {
    const stream = number === STDOUT ? this.#stdout : this.#stderr
    stream.used = true
    stream.write(`${new Date().toISOString()}\t${this.requestId}\t${level}\t${text}\n`)
  }

  /** Ends a call's output; the flags name the streams that have a boundary line for it now. */
  endCall(sequence) {
    if (!this.#stdout.used && !this.#stderr.used) return 0
    const flags = (this.#stdout.used ? STDOUT : 0) | (this.#stderr.used ? STDERR : 0)
    const line = `${this.#boundaryPrefix}${sequence}\n`
    if (flags & STDOUT) this.#stdout.write(line)
    if (flags & STDERR) this.#stderr.write(line)
    // Last, because the boundaries themselves may pass the watched functions.
    this.#stdout.used = this.#stderr.used = false
    return flags
  }

  /** Fast loggers write to the descriptors. */
  #watchFileWrites() {
    for (const name of ['write', 'writeSync', 'writev', 'writevSync']) {
      const original = fs[name]
      fs[name] = (fd, ...args) => {
        if (fd === STDOUT) this.#stdout.used = true
        else if (fd === STDERR) this.#stderr.used = true
        return original(fd, ...args)
      }
    }
    syncBuiltinESMExports()
  }
}

/** `process.stdout` or `stderr`. Node builds them at first use, and watching must not build them earlier. */
class WatchedStream {
  /** Written to since the last boundary. */
  used = false
  #build
  #stream = null
  #write = null

  constructor(name) {
    const { get } = Object.getOwnPropertyDescriptor(process, name)
    this.#build = get.bind(process)
    Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => this.#open() })
  }

  write(text) {
    const stream = this.#open()
    this.#write.call(stream, text)
  }

  #open() {
    if (this.#stream === null) {
      const stream = this.#build()
      const write = stream.write
      stream.write = (...args) => {
        this.used = true
        return write.apply(stream, args)
      }
      // What was printed before an exit must not be lost, and must be in the pipe before the answer is. Not a public
      // member; without it only what does not fit the pipe at once would come late.
      stream._handle?.setBlocking?.(true)
      // A closed stream is not an error of whatever prints next.
      stream.on('error', () => {})
      this.#stream = stream
      this.#write = write
    }
    return this.#stream
  }
}
