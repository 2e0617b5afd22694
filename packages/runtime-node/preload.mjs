// A generic sandbox waits, booted, for its function. Meanwhile it loads what handlers commonly need, one module a turn,
// so that the function which arrives early waits for one module at most.

import { createRequire } from 'node:module'

const MODULES = [
  'crypto',
  'http',
  'https',
  'stream',
  'stream/promises',
  'zlib',
  'url',
  'dns',
  'async_hooks',
  'child_process',
]

export function preload(isBound) {
  const require = createRequire(import.meta.url)
  const remaining = MODULES[Symbol.iterator]()
  const loadNext = () => {
    const { value: name, done } = remaining.next()
    if (done || isBound()) return
    require(`node:${name}`)
    setImmediate(loadNext)
  }
  setImmediate(loadNext)
}
