import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ZipFile } from 'yazl'
import { FileArtifactStore } from './file-artifact-store.ts'
import { entry, type HandmadeEntry, handmadeZip } from './handmade-zip.ts'

let root = ''
let store: FileArtifactStore
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'hearth-code-'))
  store = new FileArtifactStore(join(root, 'code'))
  await store.open()
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const stored = (): string[] => readdirSync(join(root, 'code'))

async function zip(files: Record<string, string | { text: string; mode: number }>): Promise<Buffer> {
  const archive = new ZipFile()
  for (const [name, content] of Object.entries(files)) {
    if (name.endsWith('/')) archive.addEmptyDirectory(name)
    else if (typeof content === 'string') archive.addBuffer(Buffer.from(content), name)
    else archive.addBuffer(Buffer.from(content.text), name, { mode: content.mode })
  }
  archive.end()
  const parts: Buffer[] = []
  for await (const part of archive.outputStream) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

describe('a package', () => {
  it('is unpacked whole, read-only, under the hash of the upload', async () => {
    const archive = await zip({
      'app.py': 'x = 1',
      'lib/deep/er.py': 'y',
      'bin/tool': { text: '#!', mode: 0o100755 },
      'empty/': '',
    })
    const { sha256, bytes } = await store.putZip(archive)
    expect([sha256, bytes]).toEqual([createHash('sha256').update(archive).digest('hex'), archive.length])
    const folder = await store.directory(sha256)
    expect(readFileSync(join(folder, 'app.py'), 'utf8')).toBe('x = 1')
    expect(readFileSync(join(folder, 'lib/deep/er.py'), 'utf8')).toBe('y')
    const mode = (path: string): number => statSync(join(folder, path)).mode & 0o777
    expect([mode('app.py'), mode('bin/tool'), mode('lib/deep'), mode('empty'), mode('')]).toEqual([
      0o444, 0o555, 0o555, 0o555, 0o555,
    ])
    expect(stored()).toEqual([sha256])
  })

  it('is the same package when the same bytes come twice, even at once', async () => {
    const archive = await zip({ 'a.py': '1' })
    const [one, two] = await Promise.all([store.putZip(archive), store.putZip(archive)])
    expect(one).toEqual(two)
    expect(await store.putZip(archive)).toEqual(one)
    expect(stored()).toEqual([one?.sha256])
  })

  it('may be a single file, whose name counts', async () => {
    const python = await store.putFile('index.py', 'x')
    const script = await store.putFile('index.js', 'x')
    expect(python.sha256).not.toBe(script.sha256)
    expect(readFileSync(join(await store.directory(python.sha256), 'index.py'), 'utf8')).toBe('x')
  })

  it('survives a new server, and is checked again by it', async () => {
    const { sha256 } = await store.putFile('index.py', 'print()')
    const next = new FileArtifactStore(join(root, 'code'))
    const folder = await next.directory(sha256)
    chmodSync(join(folder, 'index.py'), 0o644)
    writeFileSync(join(folder, 'index.py'), 'evil()!')
    const last = new FileArtifactStore(join(root, 'code'))
    await expect(last.directory(sha256)).rejects.toMatchObject({ code: 'code_corrupt' })
    await last.putFile('index.py', 'print()')
    expect(readFileSync(join(await last.directory(sha256), 'index.py'), 'utf8')).toBe('print()')
  })

  it('is corrupt when it was never there', async () => {
    await expect(store.directory('0'.repeat(64))).rejects.toMatchObject({ code: 'code_corrupt' })
  })

  it('is swept when nobody uses it, with the rubbish of a dead server', async () => {
    const used = await store.putFile('a.py', '1')
    await store.putFile('b.py', '2')
    mkdirSync(join(root, 'code', 'tmp-dead', 'files'), { recursive: true })
    expect(await store.sweep(new Set([used.sha256]))).toBe(2)
    expect(stored()).toEqual([used.sha256])
  })
})

describe('an archive is refused, and nothing of it stays,', () => {
  const refused = async (archive: Buffer, why: RegExp): Promise<void> => {
    await expect(store.putZip(archive)).rejects.toMatchObject({
      code: 'invalid_package',
      message: expect.stringMatching(why),
    })
    expect(stored()).toEqual([])
    expect(existsSync(join(root, 'evil'))).toBe(false)
  }
  const made = (...entries: HandmadeEntry[]): Buffer => handmadeZip(entries)

  const names = [
    '../evil',
    'a/../../evil',
    '/evil',
    'a\\..\\evil',
    'C:/evil',
    'a/./b',
    'a//b',
    '..',
    'x\0y',
    `${'d/'.repeat(300)}f`,
    'n'.repeat(300),
  ]
  for (const name of names) {
    it(`with the path ${JSON.stringify(name.slice(0, 20))}`, () =>
      refused(made(entry(name, 'x')), /path|file name|characters|relative|cannot be read/i))
  }

  it('that is not an archive', async () => {
    await refused(Buffer.from('not a zip'), /Could not unzip/)
    await refused(Buffer.alloc(0), /Could not unzip/)
    await refused((await zip({ 'a.py': 'x'.repeat(5000) })).subarray(0, 60), /Could not unzip/)
  })

  it('with a link or a device', async () => {
    await refused(made({ ...entry('link', '/etc/passwd'), unixMode: 0o120777 }), /links and devices/)
    await refused(made({ ...entry('fifo', ''), unixMode: 0o010644 }), /links and devices/)
  })

  it('with the same name twice, or as file and folder', async () => {
    await refused(made(entry('a', '1'), entry('a', '2')), /twice/)
    await refused(made(entry('a', '1'), entry('a/b', '2')), /both a file and a folder/)
    await refused(made(entry('a/b', '1'), entry('a', '2')), /twice/)
  })

  it('with another name in the local header', () =>
    refused(made({ ...entry('good.py', 'x'), localName: 'evil.py' }), /another name/))

  it('that is encrypted', () => refused(made({ ...entry('a', 'x'), flags: 1 }), /encrypted|cannot be read/))

  it('with a wrong checksum', () => refused(made({ ...entry('a', 'hello'), crc: 1 }), /checksum/))

  it('with an unknown compression', () => refused(made({ ...entry('a', 'x'), method: 12 }), /method/))

  it('with entries that share their bytes', () => {
    const shared = entry('a', 'x'.repeat(1000))
    return refused(handmadeZip([shared, { ...shared, name: 'a', localName: 'a', sameDataAs: 0 }]), /shares bytes|twice/)
  })

  it('that claims or holds too much', async () => {
    const zeros = Buffer.alloc(64 << 20)
    const compressed = deflateRawSync(zeros)
    const bomb = Array.from({ length: 5 }, (_, n) => ({ ...entry(`zeros-${n}`, zeros), method: 8, data: compressed }))
    await refused(handmadeZip(bomb), /Unzipped size must be smaller/)
    await refused(made({ ...entry('liar', 'x'), method: 8, claimedBytes: 0xfffffff0 }), /Unzipped size must be smaller/)
    await refused(made({ ...entry('small', zeros), method: 8, data: compressed, claimedBytes: 10 }), /cannot be read/)
  })

  it('with too many entries', () =>
    refused(handmadeZip(Array.from({ length: 20_001 }, (_, n) => entry(`f${n}`, ''))), /20000 entries/))
})
