// docs/guarantees.md names the test behind each promise: here it is kept true.

import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const root = new URL('../', import.meta.url)
const page = readFileSync(new URL('docs/guarantees.md', root), 'utf8')

it('finds every test that the guarantees name', () => {
  const missing: string[] = []
  let proofs = 0
  for (const [, file = '', names = ''] of page.matchAll(
    /`((?:test|packages)\/[^`]+\.ts)`((?::|,)?(?:[ ,]*"[^"]+")*)/g,
  )) {
    if (!existsSync(new URL(file, root))) {
      missing.push(file)
      continue
    }
    const source = readFileSync(new URL(file, root), 'utf8')
    proofs += 1
    for (const [, name = ''] of names.matchAll(/"([^"]+)"/g))
      if (!source.includes(name)) missing.push(`${file}: ${name}`)
  }
  expect(missing).toEqual([])
  expect(proofs).toBeGreaterThan(30)
})
