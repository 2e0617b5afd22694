import { expect, it } from 'vitest'
import { HostCheck } from './host-check.ts'

const check = new HostCheck(['hearth.example:4747', 'Box', '::1'])

it.each([
  'localhost',
  'LOCALHOST:4747',
  'a.localhost',
  '127.0.0.1:4747',
  '192.168.1.5',
  '[::1]:4747',
  '[::1]',
  'Hearth.Example:80',
  'box',
])('lets %s pass', (header) => {
  expect(() => check.check(header)).not.toThrow()
  expect(() => check.check(header)).not.toThrow()
})

it.each([
  undefined,
  '',
  'evil.example',
  'evil.example:4747',
  '127.0.0.1.evil.example',
  'localhost.evil.example',
  'hearth.example.evil',
  'xlocalhost',
  '[::1',
  'a:b',
  '127.0.0.1:4747:1',
  'user@localhost',
])('refuses %s', (header) => {
  expect(() => check.check(header)).toThrow(expect.objectContaining({ code: 'misdirected_host' }))
  expect(() => check.check(header)).toThrow(expect.objectContaining({ code: 'misdirected_host' }))
})
