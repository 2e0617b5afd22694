// Keys look like hk_<id>_<secret>_<checksum>: a prefix and a checksum by which scanners tell leaked keys from random
// text, an id to look up, and 192 random bits.

import { hash, randomBytes } from 'node:crypto'

const form = /^hk_([a-z0-9]{1,32})_[0-9a-f]{48}_[0-9a-f]{8}$/

export function makeKey(id: string): string {
  const unchecked = `hk_${id}_${randomBytes(24).toString('hex')}`
  return `${unchecked}_${checksum(unchecked)}`
}

export const makeKeyId = (): string => randomBytes(6).toString('hex')

/** The id in a key of this form, else null. Whether the key is right, only its digest tells. */
export const keyIdOf = (key: string): string | null => form.exec(key)?.[1] ?? null

/** What is stored of a key, and all that is. */
export const keyDigest = (key: string): Buffer => Buffer.from(hash('sha256', key), 'hex')

const checksum = (text: string): string => hash('sha256', text).slice(0, 8)
