// A Hearth of its own for one benchmark: fresh data folder, free ports, removed afterwards.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startReady } from './processes.mjs'

const main = fileURLToPath(new URL('../../packages/server/dist/main.js', import.meta.url))
const key = 'bench-key-for-loopback-only'

export async function startHearth(settings = {}, dataDir = mkdtempSync(join(tmpdir(), 'hearth-bench-'))) {
  const env = {
    HEARTH_DATA_DIR: dataDir,
    HEARTH_PORT: '0',
    HEARTH_FUNCTIONS_PORT: '0',
    HEARTH_ADMIN_KEY: key,
    HEARTH_LOG_LEVEL: 'error',
    ...settings,
  }
  const { child, ready, stop } = await startReady(process.execPath, [main, '--ready-json'], { env })
  const api = async (method, path, body) => {
    const response = await fetch(ready.control + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return { headers: response.headers, body: text === '' ? null : JSON.parse(text) }
  }
  return {
    ...ready,
    child,
    key,
    dataDir,
    api,
    deploy: (input) => api('POST', '/functions', input),
    invoke: (name, event = {}) => api('POST', `/functions/${name}/invoke`, event),
    stop,
    async remove() {
      await stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

export const source = (file) => readFileSync(new URL(`../functions/${file}`, import.meta.url), 'utf8')

/** `queue=0.021, init=0, run=1.204` to numbers of milliseconds. */
export const timings = (headers) =>
  Object.fromEntries(
    (headers.get('x-hearth-timings') ?? '').split(', ').map((part) => [part.split('=')[0], Number(part.split('=')[1])]),
  )
