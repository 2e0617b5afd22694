// Whatever user code throws becomes AWS's error object for Node: {errorType, errorMessage, trace}, always valid JSON
// and never larger than the host takes.

import { types } from 'node:util'

const { stringify } = JSON
const { byteLength } = Buffer
const { isNativeError } = types

const ERROR_BYTES_MAX = 256 * 1024
const TYPE_LENGTH_MAX = 256
const RUNTIME_FRAME = new URL('./', import.meta.url).href

/** An error of the runtime's own, with one of AWS's type names. It has no trace: it did not happen in user code. */
export class RuntimeError extends Error {
  constructor(errorType, message, cause) {
    super(message)
    this.name = errorType
    this.stack = cause?.stack ?? `${errorType}: ${message}`
  }
}

/** The error JSON as text, at most `ERROR_BYTES_MAX` bytes of it. */
export function errorJson(thrown) {
  const { errorType, errorMessage, trace } = describe(thrown)
  // Escaping can make text six times longer, so cut until it fits.
  for (let room = ERROR_BYTES_MAX / 2; ; room /= 2) {
    const text = stringify({
      errorType: cut(errorType, TYPE_LENGTH_MAX),
      errorMessage: cut(errorMessage, room),
      trace: cutLines(trace, room),
    })
    if (byteLength(text) <= ERROR_BYTES_MAX) return text
  }
}

/** The same object as AWS logs it. */
export const errorLogText = (json) => `Invoke Error \t${json.replace('"trace":', '"stack":')}`

function describe(thrown) {
  try {
    if (!isError(thrown)) {
      return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] }
    }
  } catch {
    return { errorType: typeof thrown, errorMessage: 'A value was thrown that cannot be shown as text', trace: [] }
  }
  return {
    errorType: read(thrown, 'name') || 'Error',
    errorMessage: read(thrown, 'message'),
    trace: userFrames(read(thrown, 'stack')),
  }
}

const isError = (thrown) => isNativeError(thrown) || thrown instanceof Error

/** A property as text; user code may have put anything there, even a getter that throws. */
function read(error, property) {
  try {
    const value = error[property]
    return value === undefined ? '' : String(value)
  } catch {
    return `The error's ${property} could not be read`
  }
}

function userFrames(stack) {
  if (stack === '') return []
  return stack
    .slice(0, ERROR_BYTES_MAX)
    .split('\n')
    .filter((line) => !line.includes(RUNTIME_FRAME))
}

const cut = (text, length) => (text.length <= length ? text : `${text.slice(0, length)}... (cut)`)

function cutLines(lines, length) {
  const kept = []
  let left = length
  for (const line of lines) {
    if (left <= 0) break
    kept.push(cut(line, left))
    left -= line.length
  }
  return kept
}
