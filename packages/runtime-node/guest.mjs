// The guest's side of the conversation: binds to one version, then runs its calls, strictly one at a time, in the order
// they came. The host may place several calls in the channel; those that wait have not run in any sense.
//
// | state   | means                            | leaves it                              |
// |---------|----------------------------------|----------------------------------------|
// | generic | bound to no version              | INIT -> loading                        |
// | loading | user code is being loaded        | -> open, or failed                     |
// | open    | runs calls                       | the process ends                       |
// | failed  | INIT_FAILED is on its way        | the process ends                       |

import { isUtf8 } from 'node:buffer'
import Module from 'node:module'
import { makeContext } from './context.mjs'
import { errorJson, errorLogText, RuntimeError } from './errors.mjs'
import { ANSWER_STATUS, CALL_KIND, FRAME, FrameReader, frame, Outbox } from './frames.mjs'
import { loadHandler } from './handler.mjs'
import { httpAnswer } from './http-answer.mjs'
import { httpEvent } from './http-event.mjs'
import { Output, STDERR } from './output.mjs'

// Captured before user code can replace them. User code that spoils other globals spoils its own answers only.
const { parse, stringify } = JSON
const exit = process.reallyExit.bind(process)

/** AWS's exit codes. */
const EXIT = { initFailed: 1, unhandledRejection: 128, uncaughtException: 129 }

const NO_BYTES = Buffer.alloc(0)
const NO_EXTRAS = Object.freeze({ __proto__: null })

export class Guest {
  #channel
  #reader = new FrameReader((...parts) => this.#onFrame(...parts))
  #outbox = new Outbox()
  #state = 'generic'
  #init = null
  #output = null
  #handler = null
  #waiting = []
  /** The one call that is open. */
  #running = null
  /** The kernel has not taken everything yet. Nothing starts before it has. */
  #sending = false
  #pumping = false
  /** True while user code decides how long the process has a reason to live. */
  #letGo = false
  #exitCode = null
  #traceId = undefined

  constructor(channel) {
    this.#channel = channel
  }

  get isBound() {
    return this.#state !== 'generic'
  }

  feed(bytes, length) {
    this.#reader.feed(bytes, length)
    this.#pump()
  }

  #onFrame(type, sequence, nonce, bytes, start, end) {
    if (type === FRAME.call) this.#waiting.push(readCall(sequence, nonce, bytes, start, end))
    else if (type === FRAME.init && this.#state === 'generic')
      void this.#load(parse(bytes.toString('utf8', start, end)))
    // The host is trusted; a frame of a later version of the channel is passed over.
  }

  // Loading

  async #load(init) {
    this.#state = 'loading'
    this.#init = init
    this.#output = new Output(init.boundary)
    process.on('beforeExit', () => this.#onEmptyLoop())
    process.on('uncaughtException', (error) => this.#onUncaught(error, EXIT.uncaughtException))
    process.on('unhandledRejection', (reason) => this.#onUncaught(unhandledRejection(reason), EXIT.unhandledRejection))
    this.#hold(false)
    try {
      this.#takePlace(init)
      this.#handler = await loadHandler(init.taskRoot, init.handler)
    } catch (error) {
      this.#initFailed(error)
      return
    }
    if (this.#state !== 'loading') return
    this.#state = 'open'
    this.#sendFrame(frame(FRAME.inited, NO_BYTES), () => this.#pump())
  }

  /** The process as user code expects it: environment, directory, module path. */
  #takePlace(init) {
    for (const name of Object.keys(process.env)) delete process.env[name]
    Object.assign(process.env, init.env)
    process.chdir(init.taskRoot)
    process.argv.length = 2
    // Node reads NODE_PATH only when it starts.
    Module._initPaths()
  }

  #initFailed(error) {
    if (this.#state !== 'loading') return
    this.#state = 'failed'
    const json = errorJson(error)
    this.#output.line('ERROR', STDERR, errorLogText(json))
    this.#output.endCall(0)
    this.#sendFrame(frame(FRAME.initFailed, Buffer.from(json)), () => exit(EXIT.initFailed))
  }

  // Calls, one at a time

  /** Runs what waits, as far as that is possible now. A loop, because handlers that answer at once must not nest. */
  #pump() {
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#state === 'open' && this.#running === null && !this.#sending && this.#step());
    } finally {
      this.#pumping = false
    }
  }

  /** Starts the next call, or sends what has gathered if there is none. False if there is nothing more to do now. */
  #step() {
    const call = this.#exitCode === null ? this.#waiting.shift() : undefined
    if (call === undefined) {
      if (this.#outbox.length > 0) return this.#sendOutbox(() => this.#pump())
      if (this.#exitCode !== null) exit(this.#exitCode)
      this.#hold(true)
      return false
    }
    // The answer before it, if any, and its own start leave in one write, and before user code runs.
    this.#outbox.started(call)
    this.#running = call
    if (this.#sendOutbox(() => this.#run(call))) this.#run(call)
    return true
  }

  #run(call) {
    this.#hold(false)
    this.#output.requestId = call.requestId
    let args
    try {
      args = this.#arguments(call)
    } catch (error) {
      this.#answer(call, ANSWER_STATUS.rejected, null, `Could not parse request body into json: ${error.message}`)
      return
    }
    const handler = this.#handler
    try {
      const returned = handler(...args)
      if (typeof returned?.then === 'function') {
        returned.then(
          (value) => this.#returned(call, value),
          (error) => this.#failed(call, error),
        )
      } else if (answersByReturning(call, handler, returned)) {
        this.#returned(call, returned)
      } else {
        // It may still call back. If nothing is left that could, this is its answer (AWS gives null whatever it returned).
        call.onEmptyLoop ??= () => this.#returned(call, returned)
      }
    } catch (error) {
      this.#failed(call, error)
    }
  }

  #arguments(call) {
    const extras = call.extras === '' ? NO_EXTRAS : parse(call.extras)
    this.#setTraceId(extras.traceId)
    if (call.kind === CALL_KIND.http) {
      return this.#withContext(call, extras, httpEvent(call.head, call.body, call.requestId))
    }
    if (call.body === null) throw new SyntaxError('it is not valid UTF-8')
    if (call.kind === CALL_KIND.event) return this.#withContext(call, extras, call.body === '' ? {} : parse(call.body))
    const list = parse(call.body)
    if (!Array.isArray(list)) throw new SyntaxError('arguments must be a list')
    return list
  }

  #withContext(call, extras, event) {
    // A call stays open until the event loop is empty when it is answered through `callback`, unless the function
    // says otherwise; `context.done` and its kind never wait.
    const callback = (error, value) => {
      if (error !== undefined && error !== null) this.#failed(call, error)
      else if (context.callbackWaitsForEmptyEventLoop) call.onEmptyLoop = () => this.#returned(call, value)
      else setImmediate(() => this.#returned(call, value))
    }
    const succeed = (value) => this.#returned(call, value)
    const fail = (error) => this.#failed(call, error)
    const done = (error, value) => (error !== undefined && error !== null ? fail(error) : succeed(value))
    const context = makeContext(this.#init, call, extras, { done, fail, succeed })
    return [event, context, callback]
  }

  #setTraceId(traceId) {
    if (traceId === this.#traceId) return
    this.#traceId = traceId
    if (traceId === undefined) delete process.env._X_AMZN_TRACE_ID
    else process.env._X_AMZN_TRACE_ID = traceId
  }

  #returned(call, value) {
    if (this.#running !== call) return
    let head = null
    let body
    try {
      if (call.kind === CALL_KIND.http) ({ head, body } = httpAnswer(value))
      else body = stringify(value) ?? 'null'
    } catch (error) {
      this.#failed(call, error instanceof RuntimeError ? error : marshalError(error))
      return
    }
    this.#answer(call, ANSWER_STATUS.returned, head, body)
  }

  #failed(call, error) {
    if (this.#running !== call) return
    const json = errorJson(error)
    this.#output.line('ERROR', STDERR, errorLogText(json))
    this.#answer(call, ANSWER_STATUS.failed, null, json)
  }

  /** The first answer counts; whatever else the call does later changes nothing. */
  #answer(call, status, head, body) {
    // Making JSON runs user code too, which may have answered meanwhile.
    if (this.#running !== call) return
    this.#running = null
    const flags = this.#output.endCall(call.sequence)
    const bytesMax = this.#init.answerBytesMax
    if (!this.#outbox.answer(call, status, flags, head, body, bytesMax)) {
      this.#outbox.answer(call, ANSWER_STATUS.failed, flags, null, tooLarge(bytesMax), bytesMax)
    }
    this.#pump()
  }

  // What user code does to the process

  /** Nothing is left that could run: whoever waits for something waits for ever. */
  #onEmptyLoop() {
    const call = this.#running
    if (this.#state === 'loading') this.#initFailed(neverSettled("The module's top-level await"))
    else if (call?.onEmptyLoop) call.onEmptyLoop()
    else if (call) this.#failed(call, neverSettled("The handler's promise"))
  }

  #onUncaught(error, exitCode) {
    if (this.#state === 'loading') {
      this.#initFailed(error)
      return
    }
    this.#exitCode = exitCode
    if (this.#running !== null) this.#failed(this.#running, error)
    else {
      this.#output.line('ERROR', STDERR, errorLogText(errorJson(error)))
      this.#pump()
    }
  }

  // Sending

  /** Waiting for the host is a reason to live, except while user code is the one to wait for. */
  #hold(hold) {
    if (hold === !this.#letGo) return
    this.#letGo = !hold
    this.#channel.holdOpen(hold)
  }

  #sendOutbox(onSent) {
    return this.#send(this.#outbox.bytes, this.#outbox.length, () => this.#outbox.clear(), onSent)
  }

  #sendFrame(bytes, onSent) {
    if (this.#send(bytes, bytes.length, () => {}, onSent)) onSent()
  }

  /** True if everything is sent; else `onSent` is called when it is. `release` is called in both cases. */
  #send(bytes, length, release, onSent) {
    this.#sending = true
    const sent = () => {
      this.#sending = false
      release()
    }
    const complete = this.#channel.send(bytes, length, () => {
      sent()
      onSent()
    })
    if (complete) sent()
    return complete
  }
}

function readCall(sequence, nonce, bytes, start, end) {
  const kind = bytes[start]
  const timeoutMs = bytes.readUInt32BE(start + 1)
  const idEnd = start + 6 + bytes[start + 5]
  const requestId = bytes.toString('latin1', start + 6, idEnd)
  const extrasEnd = idEnd + 2 + bytes.readUInt16BE(idEnd)
  const extras = bytes.toString('utf8', idEnd + 2, extrasEnd)
  let head = null
  let body
  if (kind === CALL_KIND.http) {
    const headEnd = extrasEnd + 4 + bytes.readUInt32BE(extrasEnd)
    head = bytes.toString('latin1', extrasEnd + 4, headEnd)
    // A copy: the bytes are only lent.
    body = headEnd === end ? NO_BYTES : Buffer.from(bytes.subarray(headEnd, end))
  } else {
    body = bytes.toString('utf8', extrasEnd, end)
    // The decoder's mark for a fault may also stand in the text itself.
    if (body.includes('\ufffd') && !isUtf8(bytes.subarray(extrasEnd, end))) body = null
  }
  return { sequence, nonce, kind, timeoutMs, requestId, extras, head, body, onEmptyLoop: null }
}

/**
 * POLICY: a plain value is the answer at once if the handler has no way to answer later. A handler that takes a context
 * may; it is given until the event loop is empty.
 */
const answersByReturning = (call, handler, returned) =>
  call.kind === CALL_KIND.arguments || (returned !== undefined && handler.length < 2)

const neverSettled = (what) =>
  new RuntimeError('Runtime.NodeJsExit', `${what} was never settled: nothing is left to run that could settle it`)

const marshalError = (error) =>
  new RuntimeError('Runtime.MarshalError', `Unable to stringify response body: ${safeMessage(error)}`)

const unhandledRejection = (reason) =>
  new RuntimeError('Runtime.UnhandledPromiseRejection', safeText(reason), reason instanceof Error ? reason : undefined)

const tooLarge = (bytesMax) =>
  stringify({
    errorType: 'Function.ResponseSizeTooLarge',
    errorMessage: `Response payload size exceeded maximum allowed payload size (${bytesMax} bytes).`,
  })

function safeMessage(error) {
  try {
    return String(error?.message ?? error)
  } catch {
    return 'its conversion to JSON failed'
  }
}

function safeText(value) {
  try {
    return String(value)
  } catch {
    return 'a value that cannot be shown as text'
  }
}
