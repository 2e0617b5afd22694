import type { Isolation } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import type { ProbeReport } from '../domain/sandbox.ts'
import { ProbedWalls } from './probed-walls.ts'

const report = (isolation: Isolation, available: boolean): ProbeReport => ({
  isolation,
  available,
  reason: available ? null : 'broken',
  notes: [],
  startMs: null,
})

describe('ProbedWalls', () => {
  it('takes the strongest kind whose probe passed for auto, and docker or process never by itself', () => {
    const auto = (...reports: ProbeReport[]): Isolation | null => new ProbedWalls(new Map(), reports, 'auto').automatic
    expect(auto(report('linux', true), report('gvisor', true), report('docker', true))).toBe('gvisor')
    expect(auto(report('linux', true), report('gvisor', false))).toBe('linux')
    expect(auto(report('docker', true), report('process', true))).toBeNull()
  })

  it("keeps the operator's choice even where it cannot be had, so that calls are refused and not downgraded", () => {
    const walls = new ProbedWalls(new Map(), [report('linux', true), report('gvisor', false)], 'gvisor')
    expect(walls.automatic).toBe('gvisor')
    expect(walls.whyNot('gvisor')).toBe('broken')
  })

  it('says what to do about walls that nobody enabled', () => {
    expect(new ProbedWalls(new Map(), [], 'auto').whyNot('process')).toContain('--isolation process')
  })
})
