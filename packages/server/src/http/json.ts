// Reads JSON from strangers: proper UTF-8 only, and not nested so deeply that whoever walks it later runs out of stack.
// `__proto__` in it is a name like any other, because JSON.parse makes it an own property and nothing here merges.

import { LIMITS } from '@hearth/protocol'
import { HearthError } from '../domain/hearth-error.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

export function parseJson(bytes: Uint8Array): unknown {
  if (!isShallow(bytes, LIMITS.jsonDepth)) {
    throw new HearthError('invalid_json', `The body is nested more than ${LIMITS.jsonDepth} deep.`)
  }
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw new HearthError('invalid_json', 'The body is not UTF-8.')
  }
  try {
    return JSON.parse(text)
  } catch (fault) {
    throw new HearthError('invalid_json', `The body is not JSON: ${messageOf(fault)}`)
  }
}

/** Without the excerpt of the body that newer versions of V8 put into the message: it may hold a secret. */
const messageOf = (fault: unknown): string =>
  fault instanceof Error ? (/ at position \d+/.exec(fault.message) ?? ['it ends too early'])[0].trim() : ''

const quote = 0x22
const backslash = 0x5c

/** Counts brackets outside of strings. Strings, which may be a whole package in base64, are skipped at native speed. */
export function isShallow(bytes: Uint8Array, depthMax: number): boolean {
  let depth = 0
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]
    if (byte === quote) {
      at = endOfString(bytes, at + 1)
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1
      if (depth > depthMax) return false
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1
    }
  }
  return true
}

function endOfString(bytes: Uint8Array, from: number): number {
  let at = bytes.indexOf(quote, from)
  while (at >= 0) {
    let escapes = 0
    while (at - 1 - escapes >= from && bytes[at - 1 - escapes] === backslash) escapes += 1
    if (escapes % 2 === 0) return at
    at = bytes.indexOf(quote, at + 1)
  }
  return bytes.length
}
