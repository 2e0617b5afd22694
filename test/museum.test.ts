import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

it('lists every function of the museum in its README, and nothing else', () => {
  const here = fileURLToPath(new URL('functions/', import.meta.url))
  const folders = readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const rows = readFileSync(`${here}README.md`, 'utf8').matchAll(/^\| `([^`]+)` +\|/gm)
  expect([...rows].map((row) => row[1])).toEqual(folders.map((folder) => folder.name).sort())
})
