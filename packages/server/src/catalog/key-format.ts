// Keys look like hk_<id>_<secret>_<checksum>: a prefix that scanners for leaked secrets can find, an id to look up, 192
// random bits, and a checksum that tells a mistyped key from a wrong one without asking anybody.

import { hash, randomBytes } from 'node:crypto'

const form = /^hk_([a-z0-9]{1,32})_[0-9a-f]{48}_[0-9a-f]{8}$/

export function makeKey(id: string): string {
  const unchecked = `hk_${id}_${randomBytes(24).toString('hex')}`
  return `${unchecked}_${checksum(unchecked)}`
}

export const makeKeyId = (): string => randomBytes(6).toString('hex')

/** The id in a well-formed key, else null. */
export function keyIdOf(key: string): string | null {
  const id = form.exec(key)?.[1]
  if (id === undefined || checksum(key.slice(0, -9)) !== key.slice(-8)) return null
  return id
}

/** What is stored of a key, and all that is. */
export const keyDigest = (key: string): Buffer => Buffer.from(hash('sha256', key), 'hex')

const checksum = (text: string): string => hash('sha256', text).slice(0, 8)
