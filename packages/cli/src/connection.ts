// Where the server is and which key to show it: from flags, the environment, or what a server on this machine left in
// its data folder for exactly this purpose.

import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ServiceError, UsageError } from './failure.ts'
import type { Place } from './place.ts'

export interface Connection {
  readonly endpoint: URL
  readonly key: string | null
}

export interface ConnectionOptions {
  readonly endpoint?: string
  readonly key?: string
}

export function findConnection(options: ConnectionOptions, place: Place): Connection {
  const dataDir = resolve(place.env.HEARTH_DATA_DIR || join(place.homeDir, '.hearth'))
  const named = options.endpoint || place.env.HEARTH_ENDPOINT
  const endpoint = named ? readEndpoint(named) : localEndpoint(dataDir)
  const given = options.key || place.env.HEARTH_KEY || place.env.HEARTH_ADMIN_KEY
  // This machine's admin key is shown to this machine alone.
  return { endpoint, key: given || (isLoopback(endpoint) ? readIfThere(join(dataDir, 'admin.key')) : null) }
}

function readEndpoint(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(`"${text}" is not the address of a server; it has the form http://127.0.0.1:4747`)
  }
  return url
}

function localEndpoint(dataDir: string): URL {
  const path = join(dataDir, 'server.json')
  const content = readIfThere(path)
  if (content === null) {
    const advice = 'Start one (npm start, or hearth start), or name one with --endpoint or HEARTH_ENDPOINT'
    throw new ServiceError('not_running', `No server has left its address in ${path}. ${advice}.`)
  }
  const { control, pid } = parse(content)
  if (typeof control !== 'string' || !URL.canParse(control)) {
    throw new ServiceError('not_running', `${path} names no server. Start one anew, or name one with --endpoint.`)
  }
  if (typeof pid === 'number' && !isAlive(pid)) {
    throw new ServiceError('not_running', `The server of ${dataDir} (process ${pid}) is gone. Start it: npm start`)
  }
  return new URL(control)
}

function parse(content: string): { control?: unknown; pid?: unknown } {
  try {
    return JSON.parse(content) ?? {}
  } catch {
    return {}
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Another user's process is alive too.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    if (code === 'EACCES') return null
    throw error
  }
}
