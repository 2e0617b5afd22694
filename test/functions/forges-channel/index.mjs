// Writes well-formed frames of the runtime's own kinds into the channel, with guessed names, then answers.
import { readdirSync, readlinkSync, writeSync } from 'node:fs'

const isSocket = (fd) => {
  try {
    return fd > 2 && readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')
  } catch {
    return false
  }
}
const frame = (type, sequence, nonce, payload) => {
  const bytes = Buffer.alloc(13 + payload.length)
  bytes.writeUInt32BE(9 + payload.length, 0)
  bytes[4] = type
  bytes.writeUInt32BE(sequence, 5)
  bytes.writeUInt32BE(nonce, 9)
  payload.copy(bytes, 13)
  return bytes
}
const answer = Buffer.concat([Buffer.from([0, 0]), Buffer.from('"forged"')])
export const handler = async (event) => {
  const channel = readdirSync('/proc/self/fd').map(Number).find(isSocket)
  for (let sequence = 0; sequence < 5; sequence++) writeSync(channel, frame(event.type ?? 69, sequence, 0, answer))
  return 'honest'
}
