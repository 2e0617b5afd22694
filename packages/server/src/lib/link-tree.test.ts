import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { linkTree } from './link-tree.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'link-tree-'))
  mkdirSync(join(folder, 'from/deep/er'), { recursive: true })
  mkdirSync(join(folder, 'to'))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('shows files, folders and links, sharing the files', async () => {
  writeFileSync(join(folder, 'from/deep/er/a.py'), 'text')
  symlinkSync('deep/er/a.py', join(folder, 'from/link'))
  await linkTree(join(folder, 'from'), join(folder, 'to'))
  expect(readFileSync(join(folder, 'to/deep/er/a.py'), 'utf8')).toBe('text')
  expect(readlinkSync(join(folder, 'to/link'))).toBe('deep/er/a.py')
  expect(statSync(join(folder, 'to/deep/er/a.py')).ino).toBe(statSync(join(folder, 'from/deep/er/a.py')).ino)
})

it('shows folders of more entries than fit in one turn', async () => {
  for (let n = 0; n < 450; n++) writeFileSync(join(folder, `from/${n}`), '')
  await linkTree(join(folder, 'from'), join(folder, 'to'))
  expect(existsSync(join(folder, 'to/449'))).toBe(true)
})

it.skipIf(!existsSync('/dev/shm'))('copies across file systems', async () => {
  const other = mkdtempSync('/dev/shm/link-tree-')
  try {
    writeFileSync(join(folder, 'from/deep/b.js'), 'text', { mode: 0o755 })
    await linkTree(join(folder, 'from'), other)
    expect(readFileSync(join(other, 'deep/b.js'), 'utf8')).toBe('text')
    expect(statSync(join(other, 'deep/b.js')).mode & 0o777).toBe(0o755)
  } finally {
    rmSync(other, { recursive: true })
  }
})

it('refuses what is no code', async () => {
  const server = createServer().listen(join(folder, 'from/socket'))
  await new Promise((resolve) => server.once('listening', resolve))
  await expect(linkTree(join(folder, 'from'), join(folder, 'to'))).rejects.toThrow(/socket is neither a file/)
  await new Promise((resolve) => server.close(resolve))
})
