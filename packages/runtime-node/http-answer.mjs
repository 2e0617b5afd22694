// Turns what a handler returned for an HTTP request into status, headers and body, by the rules of AWS function URLs:
// an object with `statusCode` is a response; anything else is 200 and its JSON, a string without its quotes.

import { RuntimeError } from './errors.mjs'

const { stringify } = JSON

const HEAD_BYTES_MAX = 64 * 1024
const DEFAULT_HEAD = '200\0content-type\0application/json'
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const BASE64 = /^[A-Za-z0-9+/\-_\s]*={0,2}\s*$/

/** Throws what user code throws, or a RuntimeError for a malformed response. */
export function httpAnswer(returned) {
  let result = returned
  if (isObject(result) && typeof result.toJSON === 'function') result = result.toJSON()
  if (!isObject(result) || Array.isArray(result) || result.statusCode === undefined) {
    return { head: DEFAULT_HEAD, body: typeof result === 'string' ? result : json(result) }
  }
  const { statusCode, headers, cookies, body, isBase64Encoded } = result
  return { head: httpHead(statusCode, headers, cookies), body: httpBody(body, isBase64Encoded) }
}

const isObject = (value) => typeof value === 'object' && value !== null

const malformed = (what) => new RuntimeError('Runtime.InvalidResponse', `The response is malformed: ${what}`)

const json = (value) => stringify(value) ?? 'null'

function httpHead(statusCode, headers, cookies) {
  // Examples in AWS's own documentation give the number as text.
  const status = typeof statusCode === 'string' && /^\d{3}$/.test(statusCode) ? Number(statusCode) : statusCode
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw malformed('statusCode must be a whole number from 200 to 599')
  }
  let head = String(status)
  let hasType = false
  const add = (name, value) => {
    if (!HEADER_VALUE.test(value)) throw malformed(`the value of header '${name}' has characters HTTP does not allow`)
    head += `\0${name}\0${value}`
  }

  if (headers !== undefined && headers !== null) {
    if (!isObject(headers) || Array.isArray(headers)) throw malformed('headers must be an object')
    for (const name of Object.keys(headers)) {
      const value = headers[name]
      if (value === undefined) continue
      if (!HEADER_NAME.test(name)) throw malformed(`'${name}' is not a header name`)
      if (name.length === 12 && name.toLowerCase() === 'content-type') hasType = true
      for (const item of Array.isArray(value) ? value : [value]) {
        if (!['string', 'number', 'boolean'].includes(typeof item)) {
          throw malformed(`the value of header '${name}' must be text, a number, a boolean or a list of them`)
        }
        add(name, String(item))
      }
    }
  }
  if (!hasType) add('content-type', 'application/json')
  if (cookies !== undefined && cookies !== null) {
    if (!Array.isArray(cookies) || !cookies.every((cookie) => typeof cookie === 'string')) {
      throw malformed('cookies must be a list of texts')
    }
    for (const cookie of cookies) add('set-cookie', cookie)
  }
  if (head.length > HEAD_BYTES_MAX) throw malformed(`its headers are larger than ${HEAD_BYTES_MAX} bytes`)
  return head
}

function httpBody(body, isBase64Encoded) {
  if (body === undefined || body === null) return ''
  if (isBase64Encoded !== true) return typeof body === 'string' ? body : json(body)
  if (typeof body !== 'string') throw malformed('a body with isBase64Encoded must be text')
  const bytes = Buffer.from(body, 'base64')
  // Buffer skips what is not base64; a shorter result than announced is the cheap sign of it.
  if (bytes.length !== Buffer.byteLength(body, 'base64') && !BASE64.test(body)) {
    throw malformed('the body is not base64')
  }
  return bytes
}
