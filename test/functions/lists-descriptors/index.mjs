// Tells which descriptors it holds, and which a program that it starts holds.
import { execFileSync } from 'node:child_process'
import { readdirSync, readlinkSync } from 'node:fs'

const target = (fd) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return null
  }
}
const list = () => Object.fromEntries(readdirSync('/proc/self/fd').map((fd) => [fd, target(fd)]))
export const handler = async () => ({
  own: list(),
  child: execFileSync('/bin/ls', ['/proc/self/fd'], { encoding: 'utf8' }).trim().split('\n'),
})
