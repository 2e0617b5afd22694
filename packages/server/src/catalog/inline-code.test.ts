import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { inlineFile, withExport } from './inline-code.ts'

const folder = mkdtempSync(join(tmpdir(), 'inline-code-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Loads the file as the runtime would, in a Node of its own, and calls the export without arguments. */
function call(code: string, name: string): unknown {
  const { text } = inlineFile('javascript', code, name)
  const dir = mkdtempSync(join(folder, 'code-'))
  const file = join(dir, 'index.js')
  writeFileSync(file, text)
  const program = `import(${JSON.stringify(pathToFileURL(file).href)}).then(async (m) => {
    const found = (m.default ?? m)[${JSON.stringify(name)}] ?? m[${JSON.stringify(name)}]
    console.log(JSON.stringify({ type: typeof found, value: typeof found === 'function' ? await found() : undefined }))
  })`
  return JSON.parse(execFileSync(process.execPath, ['--no-warnings', '-e', program], { encoding: 'utf8' }))
}

describe('inline JavaScript', () => {
  it.each([
    ['a plain function', 'function handler() { return 1 }'],
    ['a plain constant', 'const handler = async () => 1'],
    ['exports', 'exports.handler = () => 1'],
    ['module.exports of an object', 'module.exports = { handler: () => 1 }'],
    ['module.exports of something else beside it', 'function handler() { return 1 }\nmodule.exports = { other: 2 }'],
    ['an exported function beside a local one', 'exports.handler = () => 1\nfunction handler() { return 2 }'],
    ['a module export', 'export const handler = () => 1'],
    ['a module export in a list', 'const one = () => 1\nexport { one as handler }'],
    ['a destructured module export', 'export const { handler } = { handler: () => 1 }'],
    ['nothing to add an export to', 'exports.handler = Object.freeze(() => 1)\nObject.freeze(exports)'],
    ['an import without an export', "import 'node:fs'\nfunction handler() { return 1 }"],
    ['await at the top', 'const one = await Promise.resolve(1)\nconst handler = () => one'],
    ['a comment without a line end', 'function handler() { return 1 } // done'],
  ])('is callable with %s', (_, code) => {
    expect(call(code, 'handler')).toEqual({ type: 'function', value: 1 })
  })

  it('may have names with a dollar sign', () => {
    expect(call("import 'node:fs'\nconst $run = () => 1", '$run')).toEqual({ type: 'function', value: 1 })
  })

  it('keeps its line numbers and what it cannot understand', () => {
    expect(withExport('exports.default = 1', 'default')).toBe('exports.default = 1')
    expect(withExport('function handler( {', 'handler')).toBe('function handler( {')
    expect(withExport('function handler() {}', 'handler')).toMatch(/^function handler\(\) \{\}\n/)
    expect(withExport("import 'x'\nconst other = 1", 'handler')).toBe("import 'x'\nconst other = 1")
  })
})

it('leaves Python as it is', () => {
  expect(inlineFile('python', 'def handler(e, c): pass', 'handler')).toEqual({
    name: 'index.py',
    text: 'def handler(e, c): pass',
  })
})
