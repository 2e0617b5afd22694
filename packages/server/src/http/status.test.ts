import { readFileSync } from 'node:fs'
import { ERROR_CODES, type ErrorCode } from '@hearth/protocol'
import { expect, it } from 'vitest'
import { STATUS } from './status.ts'

it('gives every code the status and the meaning that docs/errors.md tells, and tells of no others', () => {
  const text = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8')
  const told = [...text.matchAll(/^\| `(\w+)` \| (\d{3}) \| (.+) \|$/gm)].map(([, code, status, meaning]) => [
    code,
    Number(status),
    meaning,
  ])
  const known = Object.entries(ERROR_CODES).map(([code, meaning]) => [code, STATUS[code as ErrorCode], meaning])
  expect(told).toEqual(known)
})
