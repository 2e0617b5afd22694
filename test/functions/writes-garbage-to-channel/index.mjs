// Writes bytes into the channel that are no frame: they announce one of almost four gibibytes.
import { readdirSync, readlinkSync, writeSync } from 'node:fs'

const isSocket = (fd) => {
  try {
    return fd > 2 && readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')
  } catch {
    return false
  }
}
export const handler = async () => {
  writeSync(readdirSync('/proc/self/fd').map(Number).find(isSocket), Buffer.alloc(64, 0xff))
  return 'honest'
}
