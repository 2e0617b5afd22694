import { describe, expect, it } from 'vitest'
import { BPF, ERRNO, seccompFilter, VERDICT } from './seccomp.ts'
import { ALARMS, EXAMINED, PROCESSORS, type Processor, REFUSED } from './syscalls.ts'

/** What the kernel would say: a classic BPF machine with the few instructions the filter uses. */
const verdict = (program: Buffer, call: { arch: number; number: number; args?: number[] }): number => {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(call.number >>> 0, 0)
  data.writeUInt32LE(call.arch, 4)
  call.args?.forEach((arg, index) => void data.writeUInt32LE(arg >>> 0, 16 + 8 * index))
  let word = 0
  for (let at = 0; at < program.length / 8; at++) {
    const code = program.readUInt16LE(at * 8)
    const [ifTrue, ifFalse] = [program.readUInt8(at * 8 + 2), program.readUInt8(at * 8 + 3)]
    const k = program.readUInt32LE(at * 8 + 4)
    if (code === BPF.answer) return k
    if (code === BPF.load) word = data.readUInt32LE(k)
    else if (code === BPF.jumpIfEqual) at += word === k ? ifTrue : ifFalse
    else if (code === BPF.jumpIfAtLeast) at += word >= k ? ifTrue : ifFalse
    else if (code === BPF.jumpIfAnyBit) at += (word & k) !== 0 ? ifTrue : ifFalse
    else throw new Error(`unknown instruction ${code}`)
  }
  throw new Error('the program ends without an answer')
}

describe.each<Processor>(['x64', 'arm64'])('the filter for %s', (processor) => {
  const program = seccompFilter(processor)
  const { auditArch: arch, newest } = PROCESSORS[processor]
  const ask = (number: number | null, ...args: number[]) => verdict(program, { arch, number: number ?? -1, args })
  const of = (name: keyof typeof EXAMINED) => EXAMINED[name][processor]

  it('is short enough for the kernel', () => {
    expect(program.length / 8).toBeLessThanOrEqual(4096)
  })

  it('refuses every listed call and allows every other up to the newest', () => {
    const refused = new Map(REFUSED.map((syscall) => [syscall[processor], syscall.name]))
    const examined = new Set(Object.values(EXAMINED).map((syscall) => syscall[processor]))
    for (let number = 0; number <= newest; number++) {
      if (examined.has(number)) continue
      const expected = refused.has(number) ? VERDICT.errno(ERRNO.EPERM) : VERDICT.allow
      expect(ask(number), refused.get(number) ?? String(number)).toBe(expected)
    }
  })

  it('closes the ways to be woken by a signal where sandboxes are frozen by signals, and only there', () => {
    const strict = seccompFilter(processor, { frozenBySignals: true })
    const refused = VERDICT.errno(ERRNO.EPERM)
    const both = (number: number | null, ...args: number[]): number[] =>
      [program, strict].map((each) => verdict(each, { arch, number: number ?? -1, args }))
    for (const alarm of ALARMS) expect(both(alarm[processor])).toEqual([VERDICT.allow, refused])
    const [setSignal, getFlags, parentDeath, setName] = [10, 3, 1, 15]
    expect(both(of('fcntl'), 3, setSignal)).toEqual([VERDICT.allow, refused])
    expect(both(of('fcntl'), 3, getFlags)).toEqual([VERDICT.allow, VERDICT.allow])
    expect(both(of('prctl'), parentDeath)).toEqual([VERDICT.allow, refused])
    expect(both(of('prctl'), setName)).toEqual([VERDICT.allow, VERDICT.allow])
  })

  it('does not know calls that are newer than it', () => {
    expect(ask(newest + 1)).toBe(VERDICT.errno(ERRNO.ENOSYS))
    expect(ask(5000)).toBe(VERDICT.errno(ERRNO.ENOSYS))
  })

  it('kills callers of another instruction set', () => {
    const other = processor === 'x64' ? 0x40000003 : 0x40000028
    expect(verdict(program, { arch: other, number: 1 })).toBe(VERDICT.killProcess)
  })

  it('allows forks and threads but no namespace by clone', () => {
    const thread = 0x3d0f00
    expect(ask(of('clone'), 17)).toBe(VERDICT.allow)
    expect(ask(of('clone'), thread)).toBe(VERDICT.allow)
    for (const flag of [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]) {
      expect(ask(of('clone'), flag | 17), flag.toString(16)).toBe(VERDICT.errno(ERRNO.EPERM))
    }
    expect(ask(of('clone3'))).toBe(VERDICT.errno(ERRNO.ENOSYS))
  })

  it('allows sockets of four families, and of netlink only the list of routes and links', () => {
    for (const family of [1, 2, 10]) expect(ask(of('socket'), family, 1, 0)).toBe(VERDICT.allow)
    expect(ask(of('socket'), 16, 3, 0)).toBe(VERDICT.allow)
    for (const protocol of [4, 9, 12, 15, 16]) {
      expect(ask(of('socket'), 16, 3, protocol)).toBe(VERDICT.errno(ERRNO.EPROTONOSUPPORT))
    }
    for (let family = 0; family < 50; family++) {
      if (![1, 2, 10, 16].includes(family)) {
        expect(ask(of('socket'), family), String(family)).toBe(VERDICT.errno(ERRNO.EAFNOSUPPORT))
      }
      expect(ask(of('socketpair'), family)).toBe(family === 1 ? VERDICT.allow : VERDICT.errno(ERRNO.EAFNOSUPPORT))
    }
  })

  it('lets nobody type into a terminal or take a strange personality', () => {
    expect(ask(of('ioctl'), 0, 0x5412)).toBe(VERDICT.errno(ERRNO.EPERM))
    expect(ask(of('ioctl'), 0, 0x541c)).toBe(VERDICT.errno(ERRNO.EPERM))
    expect(ask(of('ioctl'), 0, 0x5401)).toBe(VERDICT.allow)
    expect(ask(of('personality'), 0xffffffff)).toBe(VERDICT.allow)
    expect(ask(of('personality'), 0x40000)).toBe(VERDICT.errno(ERRNO.EPERM))
  })
})

describe('the filter for x64', () => {
  it('kills callers of x32 numbers', () => {
    const arch = PROCESSORS.x64.auditArch
    for (const number of [0x40000000, 0x40000000 + 165, 0xffffffff]) {
      expect(verdict(seccompFilter('x64'), { arch, number })).toBe(VERDICT.killProcess)
    }
  })
})
