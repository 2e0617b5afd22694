// Which Python runs the launcher: any 3.7 or later on the machine will do.

import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Runtime } from '../../domain/runtime.ts'

/** The system's own first: it is where every user can read it. Links and shims are followed. */
export const findPython = (
  runtimes: readonly Runtime[],
  searchPath = process.env.PATH ?? '',
  system: readonly string[] = ['/usr/bin/python3', '/usr/local/bin/python3'],
): string | null => {
  const found = runtimes.filter(({ language }) => language === 'python').map(({ interpreter }) => interpreter)
  const onPath = searchPath.split(':').flatMap((folder) => (folder.startsWith('/') ? [join(folder, 'python3')] : []))
  return [...system, ...found, ...onPath].find(isProgram) ?? null
}

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(realpathSync(path)).isFile()
  } catch {
    return false
  }
}
