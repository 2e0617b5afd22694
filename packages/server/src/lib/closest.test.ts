import { expect, test } from 'vitest'
import { closest } from './closest.ts'

test('finds the word that differs by a slip of the finger', () => {
  expect(closest('--prot', ['--port', '--host', '--pool-size'])).toBe('--port')
  expect(closest('HEARTH_DATADIR', ['HEARTH_DATA_DIR', 'HEARTH_PORT'])).toBe('HEARTH_DATA_DIR')
})

test('prefers the nearer of two', () => {
  expect(closest('post', ['port', 'poster'])).toBe('port')
})

test('offers nothing when no word is near', () => {
  expect(closest('--completely-else', ['--port', '--host'])).toBeNull()
  expect(closest('x', [])).toBeNull()
})
