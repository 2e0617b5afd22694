// Builds AWS's payload-2.0 event (function URLs, HTTP APIs) from a request that travelled as its parts.
// Names in it come from strangers: `__proto__` is a name like any other and changes no prototype.

import { isUtf8 } from 'node:buffer'

const { hasOwn, defineProperty } = Object
const decode = decodeURIComponent

/** Fields before the route parameters: see HTTP_CALL_FIELDS of the protocol. */
const FIELDS = 9

const TEXT_TYPE = /^\s*(?:text\/|application\/(?:[^;\s]*\+)?(?:json|xml|javascript|x-www-form-urlencoded)\s*(?:;|$))/i

export function httpEvent(head, body, requestId) {
  const parts = head.split('\0')
  const [method, rawPath, rawQueryString, protocol, sourceIp, domainName, apiId] = parts
  const timeEpoch = Number(parts[7])
  const headersAt = FIELDS + 2 * Number(parts[8])

  const headers = {}
  const cookies = []
  for (let i = headersAt; i + 1 < parts.length; i += 2) {
    const name = parts[i].toLowerCase()
    if (name === 'cookie') cookies.push(...splitCookies(parts[i + 1]))
    else add(headers, name, parts[i + 1])
  }

  // In AWS's order of members.
  const event = { version: '2.0', routeKey: '$default', rawPath, rawQueryString }
  if (cookies.length > 0) event.cookies = cookies
  event.headers = headers
  if (rawQueryString !== '') event.queryStringParameters = queryParameters(rawQueryString)
  event.requestContext = {
    accountId: 'anonymous',
    apiId,
    domainName,
    domainPrefix: domainName.split('.', 1)[0],
    http: { method, path: rawPath, protocol, sourceIp, userAgent: headers['user-agent'] ?? '' },
    requestId,
    routeKey: '$default',
    stage: '$default',
    time: requestTime(timeEpoch),
    timeEpoch,
  }
  if (headersAt > FIELDS) event.pathParameters = pathParameters(parts, headersAt)
  event.isBase64Encoded = false
  if (body.length > 0) {
    // A text type over bytes that are not UTF-8 would lose them.
    event.isBase64Encoded = !(TEXT_TYPE.test(headers['content-type'] ?? '') && isUtf8(body))
    event.body = body.toString(event.isBase64Encoded ? 'base64' : 'utf8')
  }
  return event
}

/** Repeats are joined by a comma. */
function add(object, name, value) {
  const joined = hasOwn(object, name) ? `${object[name]},${value}` : value
  if (name === '__proto__') {
    defineProperty(object, name, { value: joined, enumerable: true, configurable: true, writable: true })
  } else {
    object[name] = joined
  }
}

const splitCookies = (header) =>
  header
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie !== '')

function queryParameters(query) {
  const parameters = {}
  for (const pair of query.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = equals < 0 ? pair : pair.slice(0, equals)
    const value = equals < 0 ? '' : pair.slice(equals + 1)
    add(parameters, decodeText(name.replaceAll('+', ' ')), decodeText(value.replaceAll('+', ' ')))
  }
  return parameters
}

function pathParameters(parts, end) {
  const parameters = {}
  for (let i = FIELDS; i + 1 < end; i += 2) add(parameters, parts[i], decodeText(parts[i + 1]))
  return parameters
}

/** A percent sign that encodes nothing stays as it came. */
function decodeText(text) {
  if (!text.includes('%')) return text
  try {
    return decode(text)
  } catch {
    return text
  }
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (number) => String(number).padStart(2, '0')

/** `05/Aug/2022:08:14:39 +0000` */
function requestTime(timeEpoch) {
  const second = Math.floor(timeEpoch / 1000)
  if (second !== lastSecond) {
    const time = new Date(second * 1000)
    const date = `${two(time.getUTCDate())}/${MONTHS[time.getUTCMonth()]}/${time.getUTCFullYear()}`
    const clock = `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`
    lastText = `${date}:${clock} +0000`
    lastSecond = second
  }
  return lastText
}
let lastSecond = -1
let lastText = ''
