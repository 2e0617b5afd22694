// A port and everything that keeps strangers from exhausting it: limits on time, size and number of connections, proper
// answers to what is not HTTP, and an end that loses no answer. What a request means is for the doors to say.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { HearthError } from '../domain/hearth-error.ts'
import type { Log } from '../domain/log.ts'
import { answerMalformed, currentAnswer, writeRaw } from './malformed.ts'
import { errorAnswer, sendError } from './reply.ts'

export const LISTENER_LIMITS = {
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 5_000,
  /** How long an answer may lie unread. */
  unreadMs: 25_000,
  headerBytes: 16 * 1024,
  connections: 1_000,
  connectionsPerAddress: 200,
  /** How often all these times are looked at. */
  checkMs: 1_000,
}
export type ListenerLimits = typeof LISTENER_LIMITS

export interface ListenerParts {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void
  readonly nextId: () => string
  readonly log: Log
  readonly limits?: Partial<ListenerLimits>
}

export class Listener {
  readonly #parts: ListenerParts
  readonly #limits: ListenerLimits
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #perAddress = new Map<string, number>()
  /** Sockets whose answer nobody reads, and since when. */
  readonly #unread = new Map<Socket, number>()
  readonly #unreadTimer: NodeJS.Timeout
  #draining = false
  #closed: Promise<void> | null = null

  private constructor(parts: ListenerParts) {
    this.#parts = parts
    const limits = { ...LISTENER_LIMITS, ...parts.limits }
    this.#limits = limits
    this.#server = createServer({
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: limits.checkMs,
      insecureHTTPParser: false,
      // Checked here, so that the answer is like all others.
      requireHostHeader: false,
      noDelay: true,
    })
    this.#server.maxConnections = limits.connections
    // Node would drop headers beyond this count in silence; their size is limited anyway.
    this.#server.maxHeadersCount = 0
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => this.#onRequest(request, response)
    this.#server.on('request', onRequest)
    // The body is asked for when it is read, so such requests are like any other.
    this.#server.on('checkContinue', onRequest)
    this.#server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
      const fault = new HearthError('malformed_request', 'Nothing but 100-continue can be expected.')
      sendError(request, response, fault, parts.nextId(), parts.log)
    })
    this.#server.on('connection', (socket) => this.#onConnection(socket))
    this.#server.on('clientError', (fault, socket) => answerMalformed(fault, socket, parts.nextId(), parts.log))
    this.#server.on('connect', (_, socket) => this.#onConnect(socket))
    this.#unreadTimer = setInterval(() => this.#closeUnread(), limits.checkMs)
    this.#unreadTimer.unref()
  }

  static async open(parts: ListenerParts): Promise<Listener> {
    const listener = new Listener(parts)
    try {
      await new Promise<void>((resolve, reject) => {
        listener.#server.once('error', reject)
        listener.#server.listen(parts.port, parts.host, resolve)
      })
    } catch (fault) {
      clearInterval(listener.#unreadTimer)
      throw fault
    }
    listener.#server.on('error', (fault) => parts.log.error({ err: fault }, 'the listener failed'))
    return listener
  }

  /** `http://127.0.0.1:4747` */
  get address(): string {
    // A TCP server that listens has an address of this kind.
    const { address, family, port } = this.#server.address() as AddressInfo
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  get connectionCount(): number {
    return this.#sockets.size
  }

  /** Takes no new requests, lets the ones under way finish, and cuts what is left after `withinMs`. */
  async drain(withinMs: number): Promise<void> {
    this.#draining = true
    const closed = this.#stopListening()
    const idle = setInterval(() => this.#closeIdle(), 10)
    const deadline = setTimeout(() => this.#cutAll(), withinMs)
    this.#closeIdle()
    await closed
    clearInterval(idle)
    clearTimeout(deadline)
  }

  async close(): Promise<void> {
    await this.drain(0)
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const fault = this.#draining ? new HearthError('draining', 'The server is shutting down.') : formFault(request)
    if (fault === null) this.#parts.onRequest(request, response)
    else sendError(request, response, fault, this.#parts.nextId(), this.#parts.log)
  }

  #onConnection(socket: Socket): void {
    const address = socket.remoteAddress ?? ''
    const count = (this.#perAddress.get(address) ?? 0) + 1
    if (count > this.#limits.connectionsPerAddress && !this.#makeRoom(address)) {
      socket.destroy()
      return
    }
    this.#perAddress.set(address, count)
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      this.#unread.delete(socket)
      const left = (this.#perAddress.get(address) ?? 1) - 1
      if (left === 0) this.#perAddress.delete(address)
      else this.#perAddress.set(address, left)
    })
  }

  /**
   * Cuts the address's oldest connection that has no request under way. Many share an address (a proxy, a NAT, this
   * machine itself): who holds connections open without asking for anything must not lock the others out.
   */
  #makeRoom(address: string): boolean {
    for (const socket of this.#sockets) {
      const answer = currentAnswer(socket)
      if (socket.remoteAddress !== address || answer?.req.complete === true) continue
      // Now, because its place is needed now; its own `close` comes later.
      this.#sockets.delete(socket)
      socket.destroy()
      return true
    }
    return false
  }

  /** Nobody is connected through to anywhere. */
  #onConnect(socket: Duplex): void {
    const fault = new HearthError('method_not_allowed', 'This is no proxy.')
    writeRaw(socket, errorAnswer(fault, this.#parts.nextId(), this.#parts.log))
  }

  #closeUnread(): void {
    const nowMs = performance.now()
    for (const socket of this.#sockets) {
      if (socket.writableLength === 0) {
        this.#unread.delete(socket)
        continue
      }
      const sinceMs = this.#unread.get(socket)
      if (sinceMs === undefined) this.#unread.set(socket, nowMs)
      else if (nowMs - sinceMs > this.#limits.unreadMs) socket.destroy()
    }
  }

  #closeIdle(): void {
    for (const socket of this.#sockets) {
      if (currentAnswer(socket) === null && socket.writableLength === 0) socket.destroy()
    }
  }

  #cutAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #stopListening(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      // Not the HTTP server's own close: it also cuts connections whose answer is written but not yet sent.
      NetServer.prototype.close.call(this.#server, () => {
        clearInterval(this.#unreadTimer)
        // By now it only ends the HTTP server's timer.
        this.#server.close(() => resolve())
      })
    })
    return this.#closed
  }
}

/** What Node's parser lets through although its meaning is open to argument, which is what smuggling lives on. */
function formFault(request: IncomingMessage): HearthError | null {
  const { url = '', rawHeaders, httpVersionMinor } = request
  if (url.charCodeAt(0) !== 0x2f) return new HearthError('malformed_request', 'The request target is not a path.')
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  if (hosts > 1 || (hosts === 0 && httpVersionMinor > 0)) {
    return new HearthError('malformed_request', 'A request has exactly one Host header.')
  }
  const coding = request.headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    return new HearthError('malformed_request', 'Only the transfer coding chunked is taken.')
  }
  if (httpVersionMinor === 0 && coding !== undefined) {
    return new HearthError('malformed_request', 'HTTP/1.0 has no Transfer-Encoding.')
  }
  return null
}
