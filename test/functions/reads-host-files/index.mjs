// Tries to read the paths it is given, and tells which it could, and who it is.
import { readdirSync, readFileSync, statSync } from 'node:fs'

const look = (path) => {
  try {
    return statSync(path).isDirectory() ? readdirSync(path).join(' ') : readFileSync(path, 'utf8').slice(0, 4096)
  } catch (error) {
    return { error: error.code }
  }
}
export const handler = async (event) => {
  const paths = event.paths ?? ['/', '/root', '/home', '/etc/shadow', '/proc/1/environ', '/var/lib', '/dev/shm']
  return { uid: process.getuid(), seen: Object.fromEntries(paths.map((path) => [path, look(path)])) }
}
