// Answers what Node's parser could not read, so that a caller is told instead of cut off, and then closes: after bytes
// that made no sense, nobody knows where the next request begins.

import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { HearthError } from '../domain/hearth-error.ts'
import type { Log } from '../domain/log.ts'
import { type ErrorAnswer, errorAnswer } from './reply.ts'

export function answerMalformed(fault: Error, socket: Duplex, requestId: string, log: Log): void {
  const code = (fault as NodeJS.ErrnoException).code
  const answer = currentAnswer(socket)
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy()
  } else if (answer !== null && (answer.headersSent || answer.req.complete)) {
    // The senseless bytes came after a good request. Its answer is still due; an error now would be taken for it.
    answer.shouldKeepAlive = false
    answer.once('finish', () => socket.end())
  } else {
    writeRaw(socket, errorAnswer(errorFor(code), requestId, log))
  }
}

export function writeRaw(socket: Duplex, { status, headers, body }: ErrorAnswer): void {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\n`
  for (let at = 0; at < headers.length; at += 2) head += `${headers[at]}: ${headers[at + 1]}\r\n`
  socket.on('error', () => {})
  socket.end(Buffer.concat([Buffer.from(`${head}\r\n`), body]), () => socket.destroy())
}

/** The answer being made on this connection. Node keeps it here, and its own handling of malformed requests asks there too. */
export function currentAnswer(socket: Duplex): ServerResponse | null {
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? null
}

function errorFor(code: string | undefined): HearthError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new HearthError('headers_too_large', 'The headers are larger than 16 KiB.')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HearthError('request_timeout', 'The request did not arrive in time.')
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new HearthError('payload_too_large', 'The chunk extensions are too large.')
    default:
      return new HearthError('malformed_request', 'This is not a proper HTTP request.')
  }
}
