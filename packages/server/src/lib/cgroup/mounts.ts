// Reads /proc/mounts: which hierarchies there are and where.

import { readFileSync } from 'node:fs'

export interface Mount {
  readonly point: string
  readonly type: string
  readonly options: readonly string[]
}

export const readMounts = (text = readFileSync('/proc/mounts', 'utf8')): Mount[] =>
  text.split('\n').flatMap((line) => {
    const [, point, type, options] = line.split(' ')
    if (point === undefined || type === undefined || options === undefined) return []
    return [{ point: withoutEscapes(point), type, options: options.split(',') }]
  })

/** The kernel writes blanks and backslashes of a path as three octal digits. */
const withoutEscapes = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
