// Closes every descriptor it has beyond the standard ones, the channel with them, and lives on.
import { closeSync, readdirSync, readlinkSync } from 'node:fs'

const isSocket = (fd) => {
  try {
    return fd > 2 && readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')
  } catch {
    return false
  }
}
export const handler = async () => {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) if (isSocket(fd)) closeSync(fd)
  await new Promise((resolve) => setTimeout(resolve, 600_000))
}
