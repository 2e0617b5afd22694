// Time-ordered UUIDs (version 7): sorting them as text sorts them by when they were made.

import { randomUUID } from 'node:crypto'

/**
 * Returns a source of ids that never repeats and never goes back, even where the clock does. The twelve bits after the
 * milliseconds count within one of them; the remaining 62 are random.
 */
export function uuidSource(wallMs: () => number): () => string {
  let lastMs = 0
  let count = 0
  let prefix = ''
  return () => {
    const nowMs = Math.floor(wallMs())
    count += 1
    if (nowMs > lastMs || count > 0xfff) {
      lastMs = nowMs > lastMs ? nowMs : lastMs + 1
      count = 0
      const time = lastMs.toString(16).padStart(12, '0')
      prefix = `${time.slice(0, 8)}-${time.slice(8)}-7`
    }
    return prefix + count.toString(16).padStart(3, '0') + randomUUID().slice(18)
  }
}

export const looksLikeUuid = (text: string): boolean =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text)

/** What every id made before this moment sorts below, and no id made from then on. */
export function uuidFloor(wallMs: number): string {
  const time = Math.max(0, Math.floor(wallMs)).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`
}
