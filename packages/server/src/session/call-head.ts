// The fixed part of a call frame: kind, time limit, request id, extras. See `FRAME.call` in the protocol.

import type { CallExtras, CallKind } from '@hearth/protocol'

export function encodeCallHead(
  kind: CallKind,
  timeoutMs: number,
  requestId: string,
  extras: CallExtras | null,
): Buffer {
  const extrasBytes = extras === null ? null : Buffer.from(JSON.stringify(extras))
  const head = Buffer.allocUnsafe(8 + requestId.length + (extrasBytes === null ? 0 : extrasBytes.length))
  head.writeUInt8(kind, 0)
  head.writeUInt32BE(timeoutMs, 1)
  head.writeUInt8(requestId.length, 5)
  head.write(requestId, 6, 'latin1')
  head.writeUInt16BE(extrasBytes === null ? 0 : extrasBytes.length, 6 + requestId.length)
  if (extrasBytes !== null) extrasBytes.copy(head, 8 + requestId.length)
  return head
}
