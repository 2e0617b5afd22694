import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findBreaches, importsOf } from './import-rule.mjs'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'import-rule-'))
  for (const name of ['protocol', 'server', 'cli']) mkdirSync(join(root, 'packages', name, 'src'), { recursive: true })
})

afterEach(() => rmSync(root, { recursive: true }))

function write(file: string, source: string): void {
  const path = join(root, 'packages', file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, source)
}

test('lets imports point inward and downward', () => {
  write('server/src/gateway/door.ts', "import { invoke } from '../invoke/invoker.ts'\nimport 'node:http'\n")
  write('server/src/invoke/invoker.ts', "import type { Outcome } from '../domain/outcome.ts'\nimport './queue.ts'\n")
  write(
    'server/src/domain/outcome.ts',
    "import { LIMITS } from '@hearth/protocol'\nimport type { Duplex } from 'node:stream'\n",
  )
  write('server/src/drivers/linux/driver.ts', "import { bind } from '../guarded.ts'\n")
  write('server/src/hearth.ts', "import { LinuxDriver } from './drivers/linux/driver.ts'\n")
  expect(findBreaches(root)).toEqual([])
})

test.each([
  ['upward', 'server/src/scheduler/a.ts', '../invoke/b.ts', 'scheduler may import only session, domain'],
  ['sideways', 'server/src/catalog/a.ts', '../invoke/b.ts', 'catalog may import only domain'],
  ['outward', 'server/src/domain/a.ts', '../lib/b.ts', 'domain may import only protocol'],
  ['to the rim', 'server/src/api/a.ts', '../store/b.ts', 'only hearth.ts and tests name the rim'],
  [
    'between pieces of the rim',
    'server/src/drivers/a.ts',
    '../artifacts/b.ts',
    'only hearth.ts and tests name the rim',
  ],
  ['to the composition root', 'server/src/api/a.ts', '../hearth.ts', 'api may import only'],
  ['from a tool to what it serves', 'server/src/lib/a.ts', '../domain/b.ts', 'lib may import only node, npm'],
  ['of anything by the protocol', 'protocol/src/a.ts', 'node:fs', 'protocol may import nothing'],
  ['of the server by the command line', 'cli/src/a.ts', '../../server/src/config.ts', 'cli may import only protocol'],
  ['of an ability by the domain', 'server/src/domain/a.ts', 'node:stream', 'domain may import only protocol'],
])('finds an import %s, and says how to put it right', (_, file, specifier, rule) => {
  write(file, `// Why this is here.\nimport {\n  thing,\n} from '${specifier}'\n`)
  const breaches = findBreaches(root)
  expect(breaches).toEqual([expect.stringContaining(`packages/${file}:4 imports ${specifier}: `)])
  expect(breaches[0]).toContain(rule)
  expect(breaches[0]).toMatch(/port in domain\/|move what both need/)
})

test('finds re-exports and imports made while running', () => {
  write('server/src/http/a.ts', "export * from '../api/b.ts'\nconst late = await import('../store/c.ts')\n")
  expect(findBreaches(root)).toHaveLength(2)
})

test('asks for new places to be put on the map', () => {
  write('server/src/utils/a.ts', "import 'node:fs'\n")
  expect(findBreaches(root)).toEqual([expect.stringContaining('"utils" is no known place')])
})

test('lets tests name whatever they test', () => {
  write('server/src/api/a.test.ts', "import '../store/b.ts'\n")
  expect(findBreaches(root)).toEqual([])
})

test('reads imports, not words that look like them', () => {
  const source = `
// import 'a'
/* import 'b' */
const text = "an import from 'c' in a string"
export const exported = 'd'
import type { E } from 'e'
import f, { type G } from 'f'
export type { H } from 'h'
`
  expect(importsOf(source)).toEqual([
    { specifier: 'e', typeOnly: true, line: 6 },
    { specifier: 'f', typeOnly: false, line: 7 },
    { specifier: 'h', typeOnly: true, line: 8 },
  ])
})
