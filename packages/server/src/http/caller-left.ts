// Tells calls that their caller is gone. One signal serves a whole connection, made when the first call needs it: making
// one for each call would cost more than finding its function.

import { setMaxListeners } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

const signals = new WeakMap<Socket, AbortSignal>()

/** Aborts when the request's connection closes, however it closes. */
export function callerLeft(request: IncomingMessage): AbortSignal {
  const { socket } = request
  return signals.get(socket) ?? watch(socket)
}

function watch(socket: Socket): AbortSignal {
  const controller = new AbortController()
  const { signal } = controller
  // A client may send many calls down one connection without waiting for answers.
  setMaxListeners(0, signal)
  signals.set(socket, signal)
  if (socket.destroyed) controller.abort()
  else socket.once('close', () => controller.abort())
  return signal
}
