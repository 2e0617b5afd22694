import { expect, test } from 'vitest'
import { missingPackages } from './packages.mjs'

const place = { dev: false, os: 'linux', cpu: 'x64', libc: 'glibc' }
const a = { version: '1.0.0', integrity: 'sha512-a' }

test('finds packages that are absent, older or other than locked', () => {
  const lock = {
    '': {},
    'packages/server': {},
    'node_modules/a': a,
    'node_modules/@x/b': a,
    'node_modules/a/node_modules/c': a,
  }
  const installed = {
    'node_modules/a': { ...a, version: '0.9.0' },
    'node_modules/@x/b': { ...a, integrity: 'sha512-b' },
  }
  expect(missingPackages(lock, installed, place)).toEqual(['a', '@x/b', 'c'])
  expect(missingPackages(lock, lock, place)).toEqual([])
})

test('wants packages for tests only when asked for', () => {
  const lock = { 'node_modules/a': { ...a, dev: true } }
  expect(missingPackages(lock, {}, place)).toEqual([])
  expect(missingPackages(lock, {}, { ...place, dev: true })).toEqual(['a'])
})

test('wants optional packages exactly where they fit', () => {
  const lock = {
    'node_modules/here': { ...a, optional: true, os: ['linux'], cpu: ['x64'] },
    'node_modules/mac': { ...a, optional: true, os: ['darwin'] },
    'node_modules/arm': { ...a, optional: true, os: ['linux'], cpu: ['arm64'] },
    'node_modules/musl': { ...a, optional: true, os: ['linux'], cpu: ['x64'], libc: ['musl'] },
    'node_modules/not-windows': { ...a, optional: true, os: ['!win32'] },
    'node_modules/below': { ...a, optional: true },
  }
  expect(missingPackages(lock, {}, place)).toEqual(['here', 'not-windows'])
})
