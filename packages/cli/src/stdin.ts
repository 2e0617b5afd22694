import { fstatSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'

/** What was piped or redirected in; null when nothing was. `force` reads whatever stdin is, a terminal too. */
export async function readStdin({ force }: { force: boolean }): Promise<Buffer | null> {
  if (!force && !hasSomethingPiped()) return null
  return await buffer(process.stdin)
}

/** Only a pipe or a file counts: services and schedulers often leave something open there that never ends. */
function hasSomethingPiped(): boolean {
  try {
    const stats = fstatSync(0)
    return stats.isFIFO() || stats.isFile()
  } catch {
    return false
  }
}
