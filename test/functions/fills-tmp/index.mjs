// Writes to /tmp until it is full, or, with {inodes: true}, makes empty files until it may not. Only for sandboxes with a /tmp of their own.
import { closeSync, openSync, writeSync } from 'node:fs'
export const handler = async (event) => {
  const chunk = Buffer.alloc(1024 * 1024, 1)
  let count = 0
  try {
    if (event.inodes) for (; count < 10_000_000; count++) closeSync(openSync(`/tmp/f${count}`, 'w'))
    const file = openSync('/tmp/full', 'w')
    for (; count < 64 * 1024; count++) writeSync(file, chunk)
  } catch (error) {
    return { count, stoppedBy: error.code }
  }
  return { count, stoppedBy: null }
}
