// The system call filter of every sandbox, as the classic BPF program the kernel takes: allow by default, refuse a list.
// A program whose verdict on a call depends on its number alone costs nothing on kernels since 5.11, which remember it.

import { ALARMS, EXAMINED, PROCESSORS, type Processor, REFUSED, type Syscall } from './syscalls.ts'

/** Opcodes: load a word of the call's description, jump, answer. */
export const BPF = { load: 0x20, jumpIfEqual: 0x15, jumpIfAtLeast: 0x35, jumpIfAnyBit: 0x45, answer: 0x06 } as const

export const VERDICT = {
  allow: 0x7fff_0000,
  killProcess: 0x8000_0000,
  errno: (number: number) => 0x0005_0000 | number,
} as const

export const ERRNO = { EPERM: 1, ENOSYS: 38, EPROTONOSUPPORT: 93, EAFNOSUPPORT: 97 } as const

/** Where the words are in the kernel's `struct seccomp_data`: number, architecture, instruction pointer, arguments. */
const OFFSET = { number: 0, arch: 4, argument: (index: number) => 16 + 8 * index }

/** On x86_64, numbers from here on are the x32 interface: the same calls under other numbers, a way around any list. */
const X32_BIT = 0x4000_0000

/** NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. (NEWTIME is not an argument clone can take.) */
const CLONE_NEW_FLAGS = 0x7e02_0000
const AF = { unix: 1, inet: 2, inet6: 10, netlink: 16 } as const
const NETLINK_ROUTE = 0
/** Typing into the terminal of somebody else. */
const TERMINAL_INJECTION = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c } as const
/** Choosing the signal that a descriptor or the death of a parent sends. */
const F_SETSIG = 10
const PR_SET_PDEATHSIG = 1
/** Plain Linux, the two other harmless ones Docker allows, and asking. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff]

interface Instruction {
  readonly code: number
  readonly ifTrue: number
  readonly ifFalse: number
  readonly k: number
}

const load = (offset: number): Instruction => ({ code: BPF.load, ifTrue: 0, ifFalse: 0, k: offset })
const answer = (verdict: number): Instruction => ({ code: BPF.answer, ifTrue: 0, ifFalse: 0, k: verdict })
/** Runs `then` if the loaded word passes the test, else goes on behind it. */
const when = (code: number, k: number, then: readonly Instruction[]): Instruction[] => [
  { code, ifTrue: 0, ifFalse: then.length, k },
  ...then,
]

const refuse = (errno: number) => answer(VERDICT.errno(errno))
const allow = answer(VERDICT.allow)

/** The program for one kind of processor, eight bytes an instruction, in the byte order of both (little-endian). */
export const seccompFilter = (processor: Processor, { frozenBySignals = false } = {}): Buffer => {
  const { auditArch, newest } = PROCESSORS[processor]
  const on = (syscall: Syscall, then: readonly Instruction[]): Instruction[] => {
    const number = syscall[processor]
    return number === null ? [] : when(BPF.jumpIfEqual, number, then)
  }
  return encode([
    // Another instruction set's calls (32-bit code) have other numbers.
    load(OFFSET.arch),
    { code: BPF.jumpIfEqual, ifTrue: 1, ifFalse: 0, k: auditArch },
    answer(VERDICT.killProcess),

    load(OFFSET.number),
    ...(processor === 'x64' ? when(BPF.jumpIfAtLeast, X32_BIT, [answer(VERDICT.killProcess)]) : []),
    ...when(BPF.jumpIfAtLeast, newest + 1, [refuse(ERRNO.ENOSYS)]),
    ...REFUSED.flatMap((syscall) => on(syscall, [refuse(ERRNO.EPERM)])),
    ...(frozenBySignals
      ? [
          ...ALARMS.flatMap((syscall) => on(syscall, [refuse(ERRNO.EPERM)])),
          ...on(EXAMINED.fcntl, [
            load(OFFSET.argument(1)),
            ...when(BPF.jumpIfEqual, F_SETSIG, [refuse(ERRNO.EPERM)]),
            allow,
          ]),
          ...on(EXAMINED.prctl, [
            load(OFFSET.argument(0)),
            ...when(BPF.jumpIfEqual, PR_SET_PDEATHSIG, [refuse(ERRNO.EPERM)]),
            allow,
          ]),
        ]
      : []),

    // Its flags are in memory, where a filter cannot look. Told that it does not exist, libraries fall back to clone.
    ...on(EXAMINED.clone3, [refuse(ERRNO.ENOSYS)]),
    ...on(EXAMINED.clone, [
      load(OFFSET.argument(0)),
      ...when(BPF.jumpIfAnyBit, CLONE_NEW_FLAGS, [refuse(ERRNO.EPERM)]),
      allow,
    ]),
    ...on(EXAMINED.socket, [
      load(OFFSET.argument(0)),
      ...[AF.unix, AF.inet, AF.inet6].flatMap((family) => when(BPF.jumpIfEqual, family, [allow])),
      // Of netlink only what lists the sandbox's own interfaces.
      ...when(BPF.jumpIfEqual, AF.netlink, [
        load(OFFSET.argument(2)),
        ...when(BPF.jumpIfEqual, NETLINK_ROUTE, [allow]),
        refuse(ERRNO.EPROTONOSUPPORT),
      ]),
      refuse(ERRNO.EAFNOSUPPORT),
    ]),
    ...on(EXAMINED.socketpair, [
      load(OFFSET.argument(0)),
      ...when(BPF.jumpIfEqual, AF.unix, [allow]),
      refuse(ERRNO.EAFNOSUPPORT),
    ]),
    ...on(EXAMINED.ioctl, [
      load(OFFSET.argument(1)),
      ...Object.values(TERMINAL_INJECTION).flatMap((command) => when(BPF.jumpIfEqual, command, [refuse(ERRNO.EPERM)])),
      allow,
    ]),
    ...on(EXAMINED.personality, [
      load(OFFSET.argument(0)),
      ...PERSONALITIES.flatMap((persona) => when(BPF.jumpIfEqual, persona, [allow])),
      refuse(ERRNO.EPERM),
    ]),
    allow,
  ])
}

const encode = (program: readonly Instruction[]): Buffer => {
  const bytes = Buffer.alloc(program.length * 8)
  program.forEach(({ code, ifTrue, ifFalse, k }, index) => {
    bytes.writeUInt16LE(code, index * 8)
    bytes.writeUInt8(ifTrue, index * 8 + 2)
    bytes.writeUInt8(ifFalse, index * 8 + 3)
    bytes.writeUInt32LE(k, index * 8 + 4)
  })
  return bytes
}

/** Null where there is no table: then there are no walls either. */
export const processorOf = (arch: string): Processor | null => (arch === 'x64' || arch === 'arm64' ? arch : null)
