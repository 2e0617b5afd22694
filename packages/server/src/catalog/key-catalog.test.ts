import { beforeEach, describe, expect, it } from 'vitest'
import { MapKeyStore, StoppedClock } from '../../test/doubles.ts'
import { HearthError } from '../domain/hearth-error.ts'
import { silentLog } from '../domain/log.ts'
import { KeyCatalog } from './key-catalog.ts'
import { keyIdOf, makeKey } from './key-format.ts'

let store: MapKeyStore
let clock: StoppedClock
let keys: KeyCatalog

const open = async (): Promise<KeyCatalog> => {
  const made = new KeyCatalog({ store, clock, log: silentLog })
  await made.load()
  return made
}

beforeEach(async () => {
  store = new MapKeyStore()
  clock = new StoppedClock()
  keys = await open()
})

const reader = { name: 'reader', scopes: ['read'] }

describe('a key', () => {
  it('carries its id, at least 160 random bits and a checksum', async () => {
    const { record, key } = await keys.create(reader)
    expect(key).toMatch(/^hk_[0-9a-f]{12}_[0-9a-f]{48}_[0-9a-f]{8}$/)
    expect(keyIdOf(key)).toBe(record.id)
  })

  it('opens until it is revoked, and after a restart', async () => {
    const { record, key } = await keys.create(reader)
    expect(keys.verify(key)).toMatchObject({ id: record.id, scopes: ['read'] })
    expect((await open()).verify(key)?.id).toBe(record.id)
    await keys.revoke(record.id)
    expect(keys.verify(key)).toBeNull()
    expect((await open()).verify(key)).toBeNull()
    await expect(keys.revoke(record.id)).rejects.toMatchObject({ code: 'key_not_found' })
  })

  it('opens until it expires', async () => {
    const { key } = await keys.create({ ...reader, expires_in_seconds: 60 })
    clock.ms += 59_999
    expect(keys.verify(key)).not.toBeNull()
    clock.ms += 1
    expect(keys.verify(key)).toBeNull()
  })

  it('is nowhere in what is stored', async () => {
    const { key } = await keys.create(reader)
    const stored = JSON.stringify([...store.rows.values()])
    expect(stored).not.toContain(key)
    expect(stored).not.toContain(key.split('_')[2])
  })

  it('remembers when it was last used, in batches', async () => {
    const { record, key } = await keys.create(reader)
    clock.ms += 1000
    keys.verify(key)
    expect(keys.list()[0]?.lastUsedAtMs).toBe(clock.ms)
    expect(store.rows.get(record.id)?.lastUsedAtMs).toBeNull()
    await keys.stop()
    expect(store.rows.get(record.id)?.lastUsedAtMs).toBe(clock.ms)
  })

  it.each([
    [{}, ['name', 'scopes']],
    [{ name: '', scopes: [] }, ['name', 'scopes']],
    [{ name: 'a', scopes: ['root'] }, ['scopes']],
    [{ name: 'a', scopes: ['read', 'read'] }, ['scopes']],
    [{ name: 'a', scopes: 'admin' }, ['scopes']],
    [{ name: 'a\n', scopes: ['read'], expires_in_seconds: 0 }, ['name', 'expires_in_seconds']],
    [{ name: 'a', scopes: ['read'], expires_in_seconds: '5', admin: true }, ['admin', 'expires_in_seconds']],
    [null, ['name', 'scopes']],
    [['read'], ['0', 'name', 'scopes']],
  ])('is not made from %j', async (input, paths) => {
    const fault = await keys.create(input).catch((reason: unknown) => reason)
    expect(fault).toBeInstanceOf(HearthError)
    expect((fault as HearthError).details.map(({ path }) => path)).toEqual(paths)
  })
})

describe('the admin key', () => {
  it('is made once and shown once', async () => {
    const made = await keys.ensureAdmin(null)
    expect(keys.verify(made ?? '')?.scopes).toEqual(['admin'])
    const later = await open()
    expect(await later.ensureAdmin(null)).toBeNull()
    expect(later.verify(made ?? '')?.id).toBe('admin')
  })

  it('may be any text, and replaces the one before', async () => {
    const made = await keys.ensureAdmin(null)
    expect(await keys.ensureAdmin('open sesame')).toBeNull()
    expect(keys.verify('open sesame')?.id).toBe('admin')
    expect(keys.verify(made ?? '')).toBeNull()
    const lookalike = makeKey('0123456789ab')
    await keys.ensureAdmin(lookalike)
    expect(keys.verify(lookalike)?.id).toBe('admin')
  })

  it('cannot be revoked', async () => {
    await keys.ensureAdmin('open sesame')
    await expect(keys.revoke('admin')).rejects.toMatchObject({ code: 'forbidden' })
    expect(keys.verify('open sesame')).not.toBeNull()
  })
})

describe('what is not a key', () => {
  it('opens nothing, in 10,000 variations', async () => {
    await keys.ensureAdmin(null)
    const { key } = await keys.create(reader)
    // A fixed sequence: the same variations each time.
    let state = 42
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((state / 2_147_483_648) * below)
    }
    const odd = ['\0', ' ', '\u00e9', '\ud800', '\n', 'K', '0', 'z', '_', '']
    let tried = 0
    let accepted = 0
    while (tried < 10_000) {
      const at = random(key.length + 1)
      const variants = [
        key.slice(0, at),
        key.slice(at),
        key.slice(0, at) + (odd[random(odd.length)] ?? '') + key.slice(at + random(2)),
        key.slice(0, at) + key.slice(at).toUpperCase(),
        key + (odd[random(odd.length)] ?? ''),
        makeKey(key.split('_')[1] ?? ''),
        makeKey('admin'),
      ]
      for (const variant of variants) {
        if (variant === key) continue
        tried += 1
        if (keys.verify(variant) !== null) accepted += 1
      }
    }
    expect(accepted).toBe(0)
    expect(keys.verify(key)).not.toBeNull()
  })

  it('opens nothing when there are no keys at all', () => {
    expect(keys.verify('')).toBeNull()
    expect(keys.verify('admin')).toBeNull()
  })
})
