import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { skipFor } from './skip.ts'

let said: string[]

beforeEach(() => {
  said = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0)
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

test('skips nothing when nothing is missing', () => {
  vi.stubEnv('CI', 'true')
  expect(skipFor(null)).toBe(false)
})

test('skips with a reason on a developer machine', () => {
  vi.stubEnv('CI', '')
  expect(skipFor('bubblewrap is not installed')).toBe(true)
  expect(said).toEqual(['skipped: bubblewrap is not installed\n'])
})

test('fails on CI, naming what is missing', () => {
  vi.stubEnv('CI', 'true')
  expect(() => skipFor('bubblewrap is not installed')).toThrow('bubblewrap is not installed')
})

test('skips on CI what no installation could bring', () => {
  vi.stubEnv('CI', 'true')
  expect(skipFor('the processor has no virtualisation', { evenOnCi: true })).toBe(true)
})
