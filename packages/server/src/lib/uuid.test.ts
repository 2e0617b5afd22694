import { describe, expect, it } from 'vitest'
import { looksLikeUuid, uuidFloor, uuidSource } from './uuid.ts'

describe('time-ordered UUIDs', () => {
  it('have the form of version 7 and carry the time', () => {
    const id = uuidSource(() => 0x0193_4567_89ab)()
    expect(id).toMatch(/^01934567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(looksLikeUuid(id)).toBe(true)
  })

  it('sort by when they were made, within one millisecond too', () => {
    let nowMs = 1_000_000
    const next = uuidSource(() => nowMs)
    const made = Array.from({ length: 20_000 }, (_, index) => {
      if (index % 9_000 === 0) nowMs += 1
      return next()
    })
    expect([...made].sort()).toEqual(made)
    expect(new Set(made).size).toBe(made.length)
  })

  it('do not go back when the clock does', () => {
    let nowMs = 2_000_000
    const next = uuidSource(() => nowMs)
    const before = next()
    nowMs = 1_000_000
    expect(next() > before).toBe(true)
  })

  it('can be told apart by a moment', () => {
    const next = uuidSource(() => 2_000_000)
    const made = next()
    expect(uuidFloor(2_000_000) < made).toBe(true)
    expect(uuidFloor(2_000_001) > made).toBe(true)
    expect(looksLikeUuid(uuidFloor(-5))).toBe(true)
  })
})
