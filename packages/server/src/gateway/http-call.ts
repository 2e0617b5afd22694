// A route's request as the bytes of a call: the guest makes the event object from them. See HTTP_CALL_FIELDS.

import type { IncomingMessage } from 'node:http'

export interface HttpCallFacts {
  readonly rawPath: string
  readonly rawQueryString: string
  readonly functionId: string
  /** name, value, name, value; values percent-encoded as they came. */
  readonly parameters: readonly string[]
  readonly timeMs: number
  /** Whether the caller's Authorization is a key of Hearth's: a function that saw it could call others with it. */
  readonly hidesAuthorization: boolean
}

/** u32 length of the head, head, body. */
export function encodeHttpCall(request: IncomingMessage, facts: HttpCallFacts, body: Uint8Array): Buffer {
  const { rawHeaders, socket } = request
  const sourceIp = plainAddress(socket.remoteAddress ?? '')
  let head = `${request.method}\0${facts.rawPath}\0${facts.rawQueryString}\0HTTP/${request.httpVersion}\0${sourceIp}\0${domainOf(request)}\0${facts.functionId}\0${Math.floor(facts.timeMs)}\0${facts.parameters.length / 2}`
  for (const part of facts.parameters) head += `\0${part}`
  let forwardedFor = ''
  let hasProto = false
  let hasPort = false
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    const value = rawHeaders[at + 1] ?? ''
    const role = roleOf(name)
    if (role === 'connection' || (role === 'authorization' && facts.hidesAuthorization)) continue
    if (role === 'forwarded-for') {
      forwardedFor += `${value}, `
      continue
    }
    if (role === 'forwarded-proto') hasProto = true
    else if (role === 'forwarded-port') hasPort = true
    head += `\0${name}\0${value}`
  }
  head += `\0x-forwarded-for\0${forwardedFor}${sourceIp}`
  if (!hasProto) head += '\0x-forwarded-proto\0http'
  if (!hasPort) head += `\0x-forwarded-port\0${socket.localPort ?? 0}`
  // Latin-1, a byte for each character, as Node hands headers and target over.
  const call = Buffer.allocUnsafe(4 + head.length + body.length)
  call.writeUInt32BE(head.length, 0)
  call.write(head, 4, 'latin1')
  call.set(body, 4 + head.length)
  return call
}

type HeaderRole = 'connection' | 'authorization' | 'forwarded-for' | 'forwarded-proto' | 'forwarded-port' | 'plain'

/** `connection`: between one client and one server only, and none of the function's business. */
const roles = new Map<string, HeaderRole>([
  ['connection', 'connection'],
  ['expect', 'connection'],
  ['keep-alive', 'connection'],
  ['proxy-authorization', 'connection'],
  ['proxy-connection', 'connection'],
  ['te', 'connection'],
  ['trailer', 'connection'],
  ['transfer-encoding', 'connection'],
  ['upgrade', 'connection'],
  ['authorization', 'authorization'],
  ['x-forwarded-for', 'forwarded-for'],
  ['x-forwarded-proto', 'forwarded-proto'],
  ['x-forwarded-port', 'forwarded-port'],
])
const longestName = 'proxy-authorization'.length

const roleOf = (name: string): HeaderRole =>
  name.length > longestName ? 'plain' : (roles.get(name) ?? roles.get(name.toLowerCase()) ?? 'plain')

/** `example.org:4748` -> `example.org` */
function domainOf(request: IncomingMessage): string {
  const host = request.headers.host ?? ''
  const colon = host.lastIndexOf(':')
  return colon > host.lastIndexOf(']') ? host.slice(0, colon) : host
}

const plainAddress = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address)
