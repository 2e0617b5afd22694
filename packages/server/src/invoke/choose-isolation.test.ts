import { ISOLATIONS, type Isolation } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import type { Walls } from '../domain/walls.ts'
import { checkNetwork, chooseIsolation } from './choose-isolation.ts'

const walls = (available: Isolation[], automatic: Isolation | null = available.at(-1) ?? null): Walls => ({
  automatic,
  whyNot: (isolation) => (available.includes(isolation) ? null : `${isolation} is not installed`),
  networks: () => ['none'],
})

const code = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (fault) {
    return (fault as { code: string }).code
  }
}

describe('the choice of walls', () => {
  it('never gives less than the floor, for every setting, wish and machine', () => {
    for (const setting of ['auto', ...ISOLATIONS] as const) {
      for (const wish of [null, ...ISOLATIONS]) {
        for (const available of [[], ['linux'], ['process', 'linux'], ['linux', 'gvisor']] as Isolation[][]) {
          const place = walls(available)
          const chosen = code(() => chooseIsolation({ isolation: setting }, wish, place)) as string
          const floor = setting === 'auto' ? place.automatic : setting
          if ((ISOLATIONS as readonly string[]).includes(chosen)) {
            expect(available).toContain(chosen)
            if (floor !== null)
              expect(ISOLATIONS.indexOf(chosen as Isolation)).toBeGreaterThanOrEqual(ISOLATIONS.indexOf(floor))
            if (wish !== null) expect(chosen).toBe(wish)
          } else expect(['isolation_unavailable', 'isolation_below_floor']).toContain(chosen)
        }
      }
    }
  })

  it('refuses instead of falling back when the named walls are missing', () => {
    expect(code(() => chooseIsolation({ isolation: 'gvisor' }, null, walls(['linux'])))).toBe('isolation_unavailable')
  })

  it('refuses a call that asks for less than its function', () => {
    expect(code(() => chooseIsolation({ isolation: 'linux' }, 'process', walls(['process', 'linux'])))).toBe(
      'isolation_below_floor',
    )
  })

  it('says so when walls cannot give the network', () => {
    expect(code(() => checkNetwork({ network: 'egress' }, 'linux', walls(['linux'])))).toBe('isolation_unavailable')
  })
})
