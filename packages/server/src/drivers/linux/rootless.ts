// What can be limited without root and without control groups: each process by itself, by the kernel's resource limits.

import { release } from 'node:os'
import type { Language } from '@hearth/protocol'
import type { SandboxLimits } from '../../domain/sandbox.ts'

const MIB = 1024 * 1024

/**
 * Private writable memory an interpreter has mapped, though not used, when it has just started: thread stacks, and with
 * V8 room for code and heap.
 */
const HEADROOM_MB: Readonly<Record<Language, number>> = { python: 64, javascript: 512 }

/** POLICY: RLIMIT_DATA for one process. (Not RLIMIT_AS: V8 reserves gigabytes of addresses that it never touches.) */
export const dataBytes = (limits: SandboxLimits, language: Language): number =>
  (limits.memoryMb + HEADROOM_MB[language]) * MIB

/** Before Linux 5.14, RLIMIT_NPROC counts all processes of the user, those outside included. */
export const countsProcessesPerNamespace = (kernel: string = release()): boolean => {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10))
  return major > 5 || (major === 5 && minor >= 14)
}
