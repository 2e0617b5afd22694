// Which keys open the doors. Kept whole in memory, so that a call is let in without waiting and a revoked key is out at
// once; only digests are kept, here and in the store.

import { timingSafeEqual } from 'node:crypto'
import { LIMITS, SCOPES, type Scope } from '@hearth/protocol'
import type { Clock } from '../domain/clock.ts'
import { HearthError } from '../domain/hearth-error.ts'
import type { KeyRecord } from '../domain/key.ts'
import type { Log } from '../domain/log.ts'
import type { KeyStore } from '../domain/store.ts'
import { Faults } from './faults.ts'
import { keyDigest, keyIdOf, makeKey, makeKeyId } from './key-format.ts'

/** The one key that cannot be revoked, only replaced; its owner may have chosen it freely. */
export const adminKeyId = 'admin'
const flushIntervalMs = 10_000
const secondsMax = 10 * 365 * 24 * 3600

export interface NewKey {
  readonly record: KeyRecord
  /** The key itself: shown once, kept nowhere. */
  readonly key: string
}

export class KeyCatalog {
  readonly #store: KeyStore
  readonly #clock: Clock
  readonly #log: Log
  readonly #byId = new Map<string, KeyRecord>()
  /** Uses not yet written down. */
  #lastUsed = new Map<string, number>()
  #timer: NodeJS.Timeout | null = null

  constructor(parts: { store: KeyStore; clock: Clock; log: Log }) {
    this.#store = parts.store
    this.#clock = parts.clock
    this.#log = parts.log
  }

  async load(): Promise<void> {
    for (const record of await this.#store.all()) this.#byId.set(record.id, record)
  }

  /** Begins to write down when keys were last used. */
  start(): void {
    this.#timer = setInterval(() => void this.flush(), flushIntervalMs)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.flush()
  }

  /**
   * Makes `given` the admin key; without one, sees to it that there is any. Returns a key that was made just now, to be
   * shown, or null.
   */
  async ensureAdmin(given: string | null): Promise<string | null> {
    const before = this.#byId.get(adminKeyId)
    if (given === null && before !== undefined) return null
    const key = given ?? makeKey(adminKeyId)
    const digest = keyDigest(key)
    if (before === undefined || !Buffer.from(before.digest).equals(digest)) {
      const record: KeyRecord = {
        id: adminKeyId,
        name: 'admin',
        scopes: ['admin'],
        digest,
        createdAtMs: this.#clock.wallMs(),
        expiresAtMs: null,
        lastUsedAtMs: null,
      }
      await this.#store.put(record)
      this.#byId.set(adminKeyId, record)
    }
    return given === null ? key : null
  }

  /** The record of a key that is valid now, else null. Compares digests in constant time. */
  verify(key: string): KeyRecord | null {
    const record = this.#byId.get(keyIdOf(key) ?? adminKeyId) ?? this.#byId.get(adminKeyId)
    if (record === undefined || !timingSafeEqual(keyDigest(key), record.digest)) return null
    const nowMs = this.#clock.wallMs()
    if (record.expiresAtMs !== null && record.expiresAtMs <= nowMs) return null
    this.#lastUsed.set(record.id, nowMs)
    return record
  }

  list(): KeyRecord[] {
    return [...this.#byId.values()]
      .map((record) => ({ ...record, lastUsedAtMs: this.#lastUsed.get(record.id) ?? record.lastUsedAtMs }))
      .sort((one, other) => one.createdAtMs - other.createdAtMs || (one.id < other.id ? -1 : 1))
  }

  async create(input: unknown): Promise<NewKey> {
    const { name, scopes, expiresInSeconds } = readKeyInput(input)
    const id = makeKeyId()
    const key = makeKey(id)
    const createdAtMs = this.#clock.wallMs()
    const record: KeyRecord = {
      id,
      name,
      scopes,
      digest: keyDigest(key),
      createdAtMs,
      expiresAtMs: expiresInSeconds === null ? null : createdAtMs + expiresInSeconds * 1000,
      lastUsedAtMs: null,
    }
    await this.#store.insert(record)
    this.#byId.set(id, record)
    return { record, key }
  }

  async revoke(id: string): Promise<void> {
    if (!this.#byId.has(id)) throw new HearthError('key_not_found', `There is no key with the id ${id.slice(0, 80)}.`)
    if (id === adminKeyId) {
      throw new HearthError(
        'forbidden',
        'The admin key is not revoked but replaced: start Hearth with HEARTH_ADMIN_KEY.',
      )
    }
    await this.#store.remove(id)
    this.#byId.delete(id)
    this.#lastUsed.delete(id)
  }

  /** Writes down uses. That they are known exactly matters less than that calls go on, so a failure is only logged. */
  async flush(): Promise<void> {
    if (this.#lastUsed.size === 0) return
    const uses = this.#lastUsed
    this.#lastUsed = new Map()
    for (const [id, lastUsedAtMs] of uses) {
      const record = this.#byId.get(id)
      if (record !== undefined) this.#byId.set(id, { ...record, lastUsedAtMs })
    }
    try {
      await this.#store.touch(uses)
    } catch (fault) {
      this.#log.warn({ err: fault }, 'when keys were last used could not be written down')
    }
  }
}

interface KeyDraft {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly expiresInSeconds: number | null
}

function readKeyInput(input: unknown): KeyDraft {
  const faults = new Faults()
  const given = new Map(typeof input === 'object' && input !== null ? Object.entries(input) : [])
  const name: unknown = given.get('name')
  const scopes: unknown = given.get('scopes')
  const seconds: unknown = given.get('expires_in_seconds') ?? null
  for (const field of given.keys()) {
    if (!['name', 'scopes', 'expires_in_seconds'].includes(field)) faults.add(field, 'is not a field of a key')
  }
  if (typeof name !== 'string' || name === '' || name.length > LIMITS.nameLength || /\p{C}/u.test(name)) {
    faults.add('name', `must be text of 1 to ${LIMITS.nameLength} characters`)
  }
  const known = Array.isArray(scopes) ? SCOPES.filter((scope) => scopes.includes(scope)) : []
  if (!Array.isArray(scopes) || scopes.length === 0 || known.length !== scopes.length) {
    faults.add('scopes', `must be a list of one or more of ${SCOPES.join(', ')}, each once`)
  }
  if (seconds !== null && !(Number.isInteger(seconds) && Number(seconds) >= 1 && Number(seconds) <= secondsMax)) {
    faults.add('expires_in_seconds', `must be a whole number from 1 to ${secondsMax}`)
  }
  faults.throwIfAny()
  return { name: String(name), scopes: known, expiresInSeconds: seconds === null ? null : Number(seconds) }
}
