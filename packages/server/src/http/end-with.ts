// Sends a small answer in one piece. Node joins head and body into a single write only when the body is a string; a
// buffer costs a second entry in the system call, which at tens of thousands of answers a second is worth avoiding.

import type { ServerResponse } from 'node:http'

/** Copying is cheaper than a second piece up to about here. */
const joinBytesMax = 16 * 1024

/** `writeHead` has been called, with a content-length. */
export function endWith(response: ServerResponse, body: Uint8Array): void {
  if (body.length > joinBytesMax) response.end(body)
  // latin1 maps bytes to characters and back one to one.
  else response.end(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1'), 'latin1')
}
