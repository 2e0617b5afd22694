// Which names a package may give its files, whatever it is made from.

import { PackageRefused } from './package-refused.js'

/** Longest name of one file or directory that Linux takes. */
const segmentBytesMax = 255

/**
 * The path as it will be on the disk: relative, `/` between segments, nothing that climbs.
 * @param {string} name
 * @param {import('./package-format.js').PackageLimits} limits
 * @returns {string}
 */
export function packagePath(name, limits) {
  const refuse = (/** @type {string} */ why) => new PackageRefused(`The name ${quote(name)} ${why}.`)
  if (Buffer.byteLength(name) > limits.zipPathBytes) throw refuse(`is longer than ${limits.zipPathBytes} bytes`)
  if (name.includes('\0')) throw refuse('contains NUL')
  if (name.includes('\\')) throw refuse('contains a backslash; use / between folders')
  if (name.startsWith('/') || /^[a-z]:/i.test(name)) throw refuse('is absolute')
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (segments.includes('..')) throw refuse('climbs out of the package with ..')
  if (segments.length === 0) throw refuse('names nothing')
  if (segments.some((segment) => Buffer.byteLength(segment) > segmentBytesMax))
    throw refuse(`has a part that is longer than ${segmentBytesMax} bytes`)
  return segments.join('/')
}

/** Short, and harmless in a terminal. @param {string} name */
export const quote = (name) => JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name)
