// Reads the body of a request to the native API: JSON, or a whole zip archive where a route takes one.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { LIMITS } from '@hearth/protocol'
import { HearthError } from '../domain/hearth-error.ts'
import { readBody } from '../http/body.ts'
import { parseJson } from '../http/json.ts'

export type RequestBody =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'zip'; readonly bytes: Buffer }

export async function readRequestBody(
  request: IncomingMessage,
  response: ServerResponse,
  { bodyBytes, takesZip }: { bodyBytes: number; takesZip: boolean },
): Promise<RequestBody> {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (takesZip && type === 'application/zip') {
    return { kind: 'zip', bytes: await readBody(request, response, LIMITS.zipBytes) }
  }
  // Some clients leave the type out; none of them means anything but JSON.
  if (type !== undefined && type !== '' && type !== 'application/json') {
    const types = takesZip ? 'application/json or application/zip' : 'application/json'
    throw new HearthError('unsupported_media_type', `This route takes ${types}.`)
  }
  return { kind: 'json', value: parseJson(await readBody(request, response, bodyBytes)) }
}
