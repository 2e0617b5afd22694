// What can be limited without root and without control groups: each process by itself, by the kernel's resource limits.

import { release } from 'node:os'
import type { Language } from '@hearth/protocol'
import type { SandboxLimits } from '../../domain/sandbox.ts'

const MIB = 1024 * 1024

/**
 * Private writable memory that an interpreter maps, though hardly uses, while it starts: thread stacks, and with V8 room for
 * code and heap.
 */
const BOOT_MB: Readonly<Record<Language, number>> = { python: 256, javascript: 2_048 }

/**
 * POLICY: RLIMIT_DATA for each process until the first `inject` or `setLimits`, when process 1 replaces it by a tighter
 * one, measured from what the interpreter really mapped. (Not RLIMIT_AS: V8 reserves gigabytes that it never touches.)
 */
export const bootDataBytes = (limits: SandboxLimits, language: Language): number =>
  (limits.memoryMb + BOOT_MB[language]) * MIB

/** Before Linux 5.14, RLIMIT_NPROC counts all processes of the user, those outside included. */
export const countsProcessesPerNamespace = (kernel: string = release()): boolean => {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10))
  return major > 5 || (major === 5 && minor >= 14)
}
