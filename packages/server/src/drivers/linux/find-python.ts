// Which Python may run the launcher: any 3.7 or later will do; whether it is, it says itself.

import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Runtime } from '../../domain/runtime.ts'

/** The system's own first: it is where every user can read it. Links and shims are followed. */
export const findPythons = (
  runtimes: readonly Runtime[],
  searchPath = process.env.PATH ?? '',
  system: readonly string[] = ['/usr/bin/python3', '/usr/local/bin/python3'],
): string[] => {
  const found = runtimes.filter(({ language }) => language === 'python').map(({ interpreter }) => interpreter)
  const onPath = searchPath.split(':').flatMap((folder) => (folder.startsWith('/') ? [join(folder, 'python3')] : []))
  return [...new Set([...system, ...found, ...onPath])].filter(isProgram)
}

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(realpathSync(path)).isFile()
  } catch {
    return false
  }
}
