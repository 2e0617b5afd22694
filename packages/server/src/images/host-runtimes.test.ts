import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../domain/log.ts'
import type { Examined } from './examine-interpreter.ts'
import { HostRuntimes, nodeRuntimes, pythonRuntimes } from './host-runtimes.ts'

const found = (interpreter: string, ...version: [number, number, number]): Examined => ({
  interpreter,
  version,
  prefixes: [],
})

describe('the choice of runtimes', () => {
  it('takes the first Python of each minor version, newest version first, and drops what is too old', () => {
    const runtimes = pythonRuntimes(
      [
        found('/usr/bin/python3.11', 3, 11, 2),
        found('/pyenv/3.11', 3, 11, 9),
        found('/pyenv/3.13', 3, 13, 0),
        found('/old', 3, 7, 9),
      ],
      found('/pyenv/3.11', 3, 11, 9),
    )
    expect(runtimes.map(({ name, interpreter, aliases }) => [name, interpreter, aliases])).toEqual([
      ['python3.13', '/pyenv/3.13', []],
      ['python3.11', '/usr/bin/python3.11', ['python', 'python3']],
    ])
  })

  it('means the newest by `python` when the shell means nothing usable', () => {
    const runtimes = pythonRuntimes([found('/a', 3, 9, 1), found('/b', 3, 12, 1)], undefined)
    expect(runtimes.find(({ aliases }) => aliases.includes('python'))?.name).toBe('python3.12')
  })

  it('takes the newest Node of each major version and means its own by `javascript`', () => {
    const runtimes = nodeRuntimes([
      found('/own', 20, 19, 0),
      found('/nvm/22', 22, 5, 0),
      found('/newer', 20, 20, 1),
      found('/old', 16, 0, 0),
    ])
    expect(runtimes.map(({ name, interpreter, aliases }) => [name, interpreter, aliases.length > 0])).toEqual([
      ['nodejs22.x', '/nvm/22', false],
      ['nodejs20.x', '/newer', true],
    ])
  })
})

describe('discovery', () => {
  let home = ''
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'hearth-home-'))
  })
  afterEach(() => rmSync(home, { recursive: true, force: true }))

  it('finds the Node it runs on, by its real path, under its names', async () => {
    const runtimes = await HostRuntimes.discover(silentLog, { env: {}, homeDir: home, execPath: process.execPath })
    const [major] = process.versions.node.split('.')
    const node = runtimes.find('javascript')
    expect(node).toMatchObject({
      name: `nodejs${major}.x`,
      languageVersion: process.versions.node,
      program: 'main.mjs',
    })
    expect(runtimes.find(`nodejs${major}.x`)).toBe(node)
    expect(runtimes.find('cobol')).toBeNull()
  })

  it('is not disturbed by interpreters that are broken, lie or are not executable', async () => {
    const bin = join(home, '.pyenv', 'versions', '3.99.0', 'bin')
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'python3'), '#!/bin/sh\necho nonsense\n')
    chmodSync(join(bin, 'python3'), 0o755)
    const nvm = join(home, '.nvm', 'versions', 'node', 'v99', 'bin')
    mkdirSync(nvm, { recursive: true })
    writeFileSync(join(nvm, 'node'), 'not a program')
    const runtimes = await HostRuntimes.discover(silentLog, { env: {}, homeDir: home, execPath: process.execPath })
    expect(runtimes.list().every(({ interpreter }) => !interpreter.startsWith(home))).toBe(true)
  })

  it('resolves a shim on the PATH to the interpreter behind it', async () => {
    const everything = await HostRuntimes.discover(silentLog, {
      env: process.env,
      homeDir: home,
      execPath: process.execPath,
    })
    for (const { interpreter } of everything.list()) expect(interpreter).not.toContain('shims')
  })
})
