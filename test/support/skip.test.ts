import { afterEach, expect, test, vi } from 'vitest'
import { skipFor } from './skip.ts'

afterEach(() => vi.unstubAllEnvs())

test('skips nothing when nothing is missing', () => {
  vi.stubEnv('CI', 'true')
  expect(skipFor(null)).toBe(false)
})

test('skips with a reason on a developer machine', () => {
  vi.stubEnv('CI', '')
  expect(skipFor('bubblewrap is not installed')).toBe(true)
})

test('fails on CI, naming what is missing', () => {
  vi.stubEnv('CI', 'true')
  expect(() => skipFor('bubblewrap is not installed')).toThrow('bubblewrap is not installed')
})

test('skips on CI what no installation could bring', () => {
  vi.stubEnv('CI', 'true')
  expect(skipFor('the processor has no virtualisation', { evenOnCi: true })).toBe(true)
})
