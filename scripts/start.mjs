// `npm start [-- flags]`: installs what is missing, builds what changed, then becomes the server: same process, so the
// process id that service managers and scripts see is the server's own, and signals reach it.

import './support/require-node.mjs'
import { ensureBuilt } from './support/build.mjs'
import { ensurePackages } from './support/packages.mjs'
import { say } from './support/progress.mjs'
import { ensureSystemPackages } from './system-packages.mjs'

try {
  await ensurePackages({ dev: false })
  await ensureBuilt()
  await ensureSystemPackages('start')
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exit(1)
}

await import(new URL('../packages/server/dist/main.js', import.meta.url).href)
