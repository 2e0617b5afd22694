import { createHash, randomBytes } from 'node:crypto'
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
import { type ForgedEnd, type ForgedEntry, forgeZip, zip64Sizes } from '../../test/zip-forge.ts'
import { disk, removeTree } from './disk.js'
import { FileArtifactStore, type FileArtifactStoreOptions } from './file-artifact-store.ts'

let folder = ''
let dir = ''
let store: FileArtifactStore
const opened: FileArtifactStore[] = []

const open = (options: Partial<FileArtifactStoreOptions> = {}): FileArtifactStore => {
  const fresh = new FileArtifactStore({ dir, ...options })
  opened.push(fresh)
  return fresh
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearth-artifacts-'))
  dir = join(folder, 'code')
  store = open()
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()))
  removeTree(disk, folder)
})

/** An honest archive, by a library nobody here wrote. */
async function zipOf(files: Record<string, string | Buffer>, modes: Record<string, number> = {}): Promise<Buffer> {
  const zip = new ZipFile()
  for (const [name, content] of Object.entries(files)) {
    if (name.endsWith('/')) zip.addEmptyDirectory(name)
    else zip.addBuffer(Buffer.from(content as string), name, { mode: modes[name] ?? 0o100644, mtime: new Date(0) })
  }
  zip.end()
  const chunks: Buffer[] = []
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)
const present = (): string[] => (existsSync(dir) ? readdirSync(dir) : [])

describe('a package', () => {
  it('is unpacked as it was packed, under the hash of the archive, read-only', async () => {
    const big = randomBytes(3_000_000)
    const archive = await zipOf(
      {
        'index.mjs': 'export {}',
        'lib/': '',
        'lib/deep/ünï.py': 'x = 1',
        bootstrap: '#!/bin/sh',
        'big.bin': big,
        empty: '',
      },
      { bootstrap: 0o100755 },
    )
    const stored = await store.putZip(archive)
    expect(stored).toEqual({ sha256: sha256(archive), bytes: archive.length })
    const code = await store.directory(stored.sha256)
    expect(readFileSync(join(code, 'lib/deep/ünï.py'), 'utf8')).toBe('x = 1')
    expect(readFileSync(join(code, 'big.bin')).equals(big)).toBe(true)
    expect(readFileSync(join(code, 'empty')).length).toBe(0)
    expect([mode(code), mode(join(code, 'lib')), mode(join(code, 'lib/deep'))]).toEqual(['555', '555', '555'])
    expect([mode(join(code, 'index.mjs')), mode(join(code, 'bootstrap'))]).toEqual(['444', '555'])
    expect(readdirSync(code).sort()).toEqual(['big.bin', 'bootstrap', 'empty', 'index.mjs', 'lib'])
    expect(present()).toEqual([stored.sha256])
  })

  it('is one however often and at how many places at once it is put', async () => {
    const archive = await zipOf({ 'a.py': 'a = 1' })
    const other = await zipOf({ 'b.py': 'b = 1' })
    const puts = await Promise.all([archive, other, archive, archive, other].map((bytes) => store.putZip(bytes)))
    expect(new Set(puts.map((stored) => stored.sha256)).size).toBe(2)
    expect(puts.map(({ bytes }) => bytes)).toEqual(
      [archive, other, archive, archive, other].map(({ length }) => length),
    )
    expect(present().sort()).toEqual([sha256(archive), sha256(other)].sort())
    expect(archive.length).toBeGreaterThan(0)
  })

  it('of one file depends on its name and text only', async () => {
    const first = await store.putFile('main.py', 'def handler(e, c): return "ü"')
    const again = await open().putFile('main.py', 'def handler(e, c): return "ü"')
    const otherName = await store.putFile('m.py', 'def handler(e, c): return "ü"')
    const otherText = await store.putFile('main.py', 'def handler(e, c): return 2')
    expect(again).toEqual(first)
    expect(first.bytes).toBe(30)
    expect(new Set([first, otherName, otherText].map((stored) => stored.sha256)).size).toBe(3)
    expect(readFileSync(join(await store.directory(first.sha256), 'main.py'), 'utf8')).toContain('"ü"')
  })

  it('may come from tools that write no Unix modes, ./ before names, descriptors after content, or zip64', async () => {
    const content = 'print(1)'
    const packed = deflateRawSync(Buffer.from(content))
    const archive = forgeZip([
      { name: './dos.py', content, mode: 0 },
      { name: 'streamed.py', content, deflate: true, flags: 0x808, local: { crc: 0, bytes: 0, packedBytes: 0 } },
      {
        name: 'large.py',
        content,
        packed,
        method: 8,
        bytes: 0xffffffff,
        centralExtra: zip64Sizes(8n),
        local: { bytes: 8 },
      },
      { name: Buffer.from('käse.py'), content, flags: 0 },
      { name: Buffer.from([0x6b, 0x84, 0x73, 0x65]), content, flags: 0 },
    ])
    const code = await store.directory((await store.putZip(archive)).sha256)
    expect(new Set(readdirSync(code))).toEqual(new Set(['dos.py', 'käse.py', 'käse', 'large.py', 'streamed.py']))
    expect(readFileSync(join(code, 'streamed.py'), 'utf8')).toBe(content)
    expect(readFileSync(join(code, 'large.py'), 'utf8')).toBe(content)
  })
})

describe('a hostile or broken archive is refused and leaves nothing (P-ZIP-1)', () => {
  const file = (name: string, some: Partial<ForgedEntry> = {}): ForgedEntry => ({
    name,
    content: 'x'.repeat(100),
    ...some,
  })
  const zip = (entries: ForgedEntry[], end?: ForgedEnd) => () => forgeZip(entries, end)
  const shrunk = (bytes: Buffer, by: number): Buffer => bytes.subarray(0, bytes.length - by)
  const cases: [string, () => Buffer, RegExp][] = [
    ['nothing at all', () => Buffer.alloc(0), /non-empty zip/],
    [
      'no zip',
      () => Buffer.from('#!/bin/sh\necho not a zip'),
      /Could not unzip uploaded file\. Please check your file/,
    ],
    ['an archive without files', zip([{ name: 'only/', mode: 0o040755 }]), /non-empty zip/],
    ['an archive without entries', zip([]), /non-empty zip/],
    ['a cut-off archive', () => shrunk(forgeZip([file('a.py')]), 30), /Could not unzip/],
    ['bytes after its end', () => Buffer.concat([forgeZip([file('a.py')]), Buffer.from('more')]), /Could not unzip/],
    ['a name that climbs', zip([file('../a.py')]), /climbs/],
    ['a name that climbs inside', zip([file('a/../../b.py')]), /climbs/],
    ['an absolute name', zip([file('/etc/cron.d/x')]), /absolute/],
    ['a drive letter', zip([file('C:/x')]), /absolute/],
    ['a backslash', zip([file('..\\x')]), /backslash/],
    ['NUL in a name', zip([file('a\0.py')]), /NUL/],
    ['an empty name', zip([file('')]), /names nothing/],
    ['a name of dots', zip([file('./.')]), /names nothing/],
    ['a name beyond 512 bytes', zip([file(`${'d/'.repeat(255)}abc`)]), /longer than 512/],
    ['a part beyond 255 bytes', zip([file('n'.repeat(256))]), /longer than 255/],
    ['a name that is not UTF-8 but says so', zip([{ ...file('x'), name: new Uint8Array([0xff, 0xfe]) }]), /UTF-8/],
    ['a name twice', zip([file('a.py'), file('a.py')]), /twice/],
    ['a name twice in other spelling', zip([file('a.py'), file('./a.py')]), /twice/],
    ['a folder twice', zip([file('a/b.py'), { name: 'a/', mode: 0o040755 }, { name: 'a/', mode: 0o040755 }]), /twice/],
    ['a file that is a folder', zip([file('a'), file('a/b')]), /file and a folder/],
    ['a folder that is a file', zip([file('a/b'), file('a')]), /file and a folder/],
    ['a folder entry over a file', zip([file('a'), { name: 'a/', mode: 0o040755 }]), /file and a folder/],
    ['a symbolic link', zip([file('a', { mode: 0o120777, content: '/etc/passwd' })]), /link or a special file/],
    ['a device', zip([file('a', { mode: 0o020666 })]), /link or a special file/],
    ['a pipe', zip([file('a', { mode: 0o010666 })]), /link or a special file/],
    ['a file of type folder', zip([file('a', { mode: 0o040755 })]), /file and a folder/],
    ['a folder with content', zip([file('a/', { mode: 0o040755 })]), /folder with content/],
    ['an encrypted file', zip([file('a', { flags: 0x801 })]), /encrypted/],
    ['a strongly encrypted file', zip([file('a', { flags: 0x841 })]), /encrypt/],
    ['an unknown compression', zip([file('a', { method: 12 })]), /deflate/],
    ['two names', zip([file('a.py', { local: { name: 'b.py' } })]), /two names/],
    ['two compressions', zip([file('a.py', { local: { method: 8 } })]), /two ways/],
    ['two checksums', zip([file('a.py', { local: { crc: 1 } })]), /two checksums/],
    ['two sizes', zip([file('a.py', { deflate: true, local: { bytes: 5 } })]), /two sizes/],
    ['a wrong checksum', zip([file('a.py', { crc: 1 })]), /checksum/],
    ['a stored file with two lengths', zip([file('a.py', { bytes: 50 })]), /Could not unzip/],
    ['more bytes than it says', zip([file('a.py', { deflate: true, bytes: 99 })]), /larger than it says/],
    ['fewer bytes than it says', zip([file('a.py', { deflate: true, bytes: 101 })]), /smaller than it says/],
    [
      'damaged compression',
      zip([file('a.py', { packed: randomBytes(50).fill(0xff, 0, 4), method: 8 })]),
      /damaged|Could not unzip/,
    ],
    [
      'bytes after the compressed end',
      zip([
        file('a.py', {
          packed: Buffer.concat([deflateRawSync(Buffer.from('x'.repeat(100))), Buffer.alloc(9)]),
          method: 8,
        }),
      ]),
      /after its end/,
    ],
    [
      'an unfinished compression',
      zip([file('a.py', { packed: deflateRawSync(randomBytes(100)).subarray(0, 60), method: 8 })]),
      /damaged|smaller/,
    ],
    ['an impossible ratio', zip([file('a.py', { deflate: true, bytes: 200_000_000 })]), /impossible size/],
    [
      'entries that share bytes',
      () => {
        const inner = file('b')
        const shared = forgeZip([inner]).subarray(0, 30 + 1 + 100)
        return forgeZip([file('a', { content: shared }), { ...inner, localOffset: 30 + 1 }])
      },
      /shares bytes/,
    ],
    ['an entry beyond the archive', zip([file('a', { localOffset: 0x7fffffff })]), /Could not unzip/],
    [
      'an entry that is the directory',
      () => {
        const plain = forgeZip([file('a')])
        return forgeZip([file('a', { packedBytes: plain.length, bytes: plain.length })])
      },
      /beyond the archive|Could not unzip/,
    ],
    ['a directory beyond the archive', zip([file('a')], { directoryOffset: 0x7fffffff }), /Could not unzip/],
    ['more entries than it says', zip([file('a'), file('b')], { entries: 1 }), /more entries than it says/],
    ['fewer entries than it says', zip([file('a')], { entries: 2 }), /Could not unzip/],
    ['an end inside its comment', zip([file('a')], { comment: 'PK\x05\x06'.padEnd(30, '\0') }), /Could not unzip/],
    ['zip64 with absurd counts', zip([file('a')], { zip64: { entries: 2n ** 63n } }), /more than 20000/],
    [
      'zip64 with an absurd place',
      zip([file('a')], { zip64: { entries: 1n, directoryOffset: 2n ** 62n } }),
      /Could not unzip/,
    ],
    [
      'zip64 with absurd sizes',
      zip([file('a', { bytes: 0xffffffff, packedBytes: 0xffffffff, centralExtra: zip64Sizes(2n ** 60n, 2n ** 60n) })]),
      /Could not unzip|smaller than 262144000/,
    ],
    ['too many entries', zip(Array.from({ length: 20_001 }, (_, index) => ({ name: `f${index}` }))), /more than 20000/],
    [
      'too many folders in few entries',
      zip(Array.from({ length: 100 }, (_, index) => ({ name: `${index}/${'d/'.repeat(250)}f` }))),
      /more than 20000/,
    ],
    [
      'too many bytes, admitted',
      zip(
        Array.from({ length: 3 }, (_, index) =>
          file(`zeros-${index}`, { deflate: true, content: Buffer.alloc(90_000_000) }),
        ),
      ),
      /Unzipped size must be smaller than 262144000 bytes/,
    ],
  ]

  it.each(cases)('%s', async (_, make, message) => {
    await expect(store.putZip(make())).rejects.toMatchObject({
      code: 'invalid_package',
      message: expect.stringMatching(message),
    })
    expect(present()).toEqual([])
    expect(readdirSync(folder).filter((name) => name !== 'code')).toEqual([])
  })

  it('an archive beyond 50 MiB', async () => {
    await expect(store.putZip(new Uint8Array(50 * 1024 * 1024 + 1))).rejects.toMatchObject({ code: 'invalid_package' })
    expect(present()).toEqual([])
  })

  it('a single file with a name that climbs', async () => {
    await expect(store.putFile('../x.py', '')).rejects.toMatchObject({ code: 'invalid_package' })
    expect(present()).toEqual([])
  })

  it('any of 1,500 archives with random damage, or else keeps it whole', async () => {
    let seed = 42
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((seed / 2_147_483_648) * below)
    }
    const honest = forgeZip([
      file('a.py', { deflate: true }),
      { name: 'd/', mode: 0o040755 },
      file('d/b.py'),
      file('c.py', { deflate: true, flags: 0x808, local: { crc: 0, bytes: 0, packedBytes: 0 } }),
    ])
    let kept = 0
    for (let round = 0; round < 1_500; round += 1) {
      const damaged = Buffer.from(honest)
      for (let times = random(4); times >= 0; times -= 1) {
        const value = [0, 0xff, 0x7f, 0x80, random(256)][random(5)] ?? 0
        damaged[random(damaged.length)] = value
      }
      try {
        await store.directory((await store.putZip(damaged)).sha256)
        kept += 1
      } catch (fault) {
        expect(fault, `round ${round}: ${damaged.toString('base64')}`).toMatchObject({ code: 'invalid_package' })
      }
    }
    // Some damage is to fields nobody reads (times, versions): such an archive is as good as the honest one.
    expect(kept).toBeGreaterThan(0)
    expect(present().filter((name) => name.startsWith('tmp-'))).toEqual([])
  })

  it('one that cannot be unpacked in time: its thread is killed, and the next package is taken', async () => {
    const hurried = open({ jobMs: 1 })
    await expect(hurried.putZip(await zipOf({ 'a.bin': randomBytes(5_000_000) }))).rejects.toMatchObject({
      code: 'storage_unavailable',
    })
    await open().sweep(new Set())
    expect(present()).toEqual([])
    await store.putFile('a.py', 'a')
  })
})

describe('stored code', () => {
  const damages: [string, (code: string) => void][] = [
    ['a flipped bit', (code) => rewrite(join(code, 'a.py'), 'a = 3')],
    ['a cut-off file', (code) => rewrite(join(code, 'a.py'), 'a =')],
    ['a missing file', (code) => unlock(code, () => rmSync(join(code, 'a.py')))],
    ['a file too many', (code) => unlock(code, () => writeFileSync(join(code, 'b.py'), ''))],
    [
      'a folder in place of a file',
      (code) =>
        unlock(code, () => {
          rmSync(join(code, 'a.py'))
          mkdirSync(join(code, 'a.py'))
        }),
    ],
    ['a missing manifest', (code) => unlock(join(code, '..'), () => rmSync(join(code, '../manifest.json')))],
    ['a spoiled manifest', (code) => rewrite(join(code, '../manifest.json'), '{"files":3}')],
  ]
  const unlock = (path: string, change: () => void): void => {
    chmodSync(path, 0o755)
    change()
  }
  const rewrite = (path: string, text: string): void =>
    unlock(join(path, '..'), () => {
      chmodSync(path, 0o644)
      writeFileSync(path, text)
    })

  it.each(damages)('with %s is not run; the same deploy heals it', async (_, damage) => {
    const stored = await store.putFile('a.py', 'a = 1')
    damage(join(dir, stored.sha256, 'files'))
    const restarted = open()
    await expect(restarted.directory(stored.sha256)).rejects.toMatchObject({ code: 'code_corrupt' })
    expect(await restarted.putFile('a.py', 'a = 1')).toEqual(stored)
    expect(readFileSync(join(await restarted.directory(stored.sha256), 'a.py'), 'utf8')).toBe('a = 1')
    expect(present()).toEqual([stored.sha256])
  })

  it('that was never stored, or has an absurd name, is corrupt rather than somewhere else', async () => {
    await store.putFile('a.py', 'a')
    for (const name of ['0'.repeat(64), '..', '../..', 'tmp-x', '']) {
      await expect(store.directory(name)).rejects.toMatchObject({ code: 'code_corrupt' })
    }
  })

  it('of many bytes is checked all the same', async () => {
    const archive = await zipOf({ 'big.bin': randomBytes(5_000_000), 'a.py': 'a = 1' })
    const stored = await store.putZip(archive)
    const code = await store.directory(stored.sha256)
    expect(await store.directory(stored.sha256)).toBe(code)
    const path = join(code, 'big.bin')
    const bytes = readFileSync(path)
    bytes[4_000_000] = (bytes[4_000_000] ?? 0) ^ 1
    chmodSync(path, 0o644)
    writeFileSync(path, bytes)
    await expect(open().directory(stored.sha256)).rejects.toMatchObject({
      code: 'code_corrupt',
      message: expect.stringContaining('big.bin'),
    })
  })

  it('is swept when nobody uses it, with everything half-written', async () => {
    const kept = await store.putFile('kept.py', '')
    const gone = await store.putFile('gone.py', '')
    await store.directory(gone.sha256)
    mkdirSync(join(dir, 'tmp-dead', 'files', 'deep'), { recursive: true })
    chmodSync(join(dir, 'tmp-dead', 'files', 'deep'), 0o555)
    expect(await store.sweep(new Set([kept.sha256]))).toBe(2)
    expect(present()).toEqual([kept.sha256])
    await expect(store.directory(gone.sha256)).rejects.toMatchObject({ code: 'code_corrupt' })
    expect(await store.sweep(new Set([kept.sha256]))).toBe(0)
  })

  it('may be swept before there is any', async () => {
    expect(await store.sweep(new Set())).toBe(0)
  })
})

describe('a disk that fails (P-DUR-4)', () => {
  /** Changes a put makes; found by letting ever later ones fail until none does. */
  const sweepFaults = async (
    put: (to: FileArtifactStore) => Promise<{ sha256: string }>,
    options: string,
  ): Promise<number> => {
    for (let n = 1; ; n += 1) {
      removeTree(disk, folder)
      mkdirSync(folder)
      const failing = open({ disk: new URL(`../../test/failing-disk.js?n=${n}&${options}`, import.meta.url) })
      const end = await put(failing).then(
        ({ sha256 }) => sha256,
        (fault) => {
          expect(fault, `change ${n}`).toMatchObject({ code: 'storage_unavailable' })
          return null
        },
      )
      await failing.close()
      // Whatever failed: what is there under a hash is whole, and the same put works once the disk does.
      const healthy = open()
      for (const name of present().filter((one) => !one.startsWith('tmp-'))) await healthy.directory(name)
      const { sha256 } = await put(healthy)
      await healthy.directory(sha256)
      await healthy.sweep(new Set([sha256]))
      expect(present(), `change ${n}`).toEqual([sha256])
      await healthy.close()
      if (end !== null) {
        expect(end).toBe(sha256)
        return n - 1
      }
    }
  }

  it('at any one change: the put fails or is whole, and the next one works', async () => {
    const archive = await zipOf({ 'a.py': 'a = 1', 'lib/b.py': 'b = 1' })
    expect(await sweepFaults((to) => to.putZip(archive), 'code=EIO')).toBeGreaterThan(15)
  })

  it('from some change on (full): the put fails or is whole, and the next one works when there is room', async () => {
    expect(await sweepFaults((to) => to.putFile('a.py', 'a = 1'), 'code=ENOSPC&sticky=1')).toBeGreaterThan(8)
  })
})
