// Finds out, by really starting a sandbox, whether the linux driver works here, and tells why not.

import { randomBytes } from 'node:crypto'
import type { Duplex, Readable } from 'node:stream'
import { LIMITS } from '@hearth/protocol'
import type { Runtime } from '../../domain/runtime.ts'
import type { ProbeReport, Sandbox, SandboxDriver, SandboxLimits } from '../../domain/sandbox.ts'
import type { CgroupDetection } from '../../lib/cgroup/cgroup.ts'
import { countsProcessesPerNamespace } from './rootless.ts'
import { processorOf } from './seccomp.ts'

const PROBE_WITHIN_MS = 8_000
const STDERR_KEPT_BYTES = 2_000

const PROBE_LIMITS: SandboxLimits = {
  memoryMb: 256,
  cpus: 1,
  processes: LIMITS.processes,
  openFiles: LIMITS.openFiles,
  tmpMb: 16,
  tmpInodes: 1_000,
}

export interface ProbeSubject {
  readonly driver: Pick<SandboxDriver, 'create'>
  readonly runtimes: readonly Runtime[]
  readonly rootless: boolean
  readonly cgroups: CgroupDetection
  /** Null, or why there is no egress. */
  readonly whyNoEgress: () => Promise<string | null>
}

export interface ProbeFindings {
  readonly report: ProbeReport
  readonly egress: boolean
}

export const probeLinux = async (subject: ProbeSubject): Promise<ProbeFindings> => {
  const reason = impossible(subject)
  if (reason !== null) return { report: unavailable(reason), egress: false }
  let startMs: number
  try {
    startMs = await startOne(subject)
  } catch (fault) {
    return { report: unavailable((fault as Error).message), egress: false }
  }
  const noEgress = subject.rootless ? 'no egress: needs root' : await subject.whyNoEgress()
  const notes = [...rootlessNotes(subject), ...(noEgress === null ? [] : [noEgress])]
  return { report: { isolation: 'linux', available: true, reason: null, notes, startMs }, egress: noEgress === null }
}

const unavailable = (reason: string): ProbeReport => ({
  isolation: 'linux',
  available: false,
  reason,
  notes: [],
  startMs: null,
})

/** POLICY: where the driver is refused without a try. Root without limits would be worse than no root at all. */
const impossible = ({ runtimes, rootless, cgroups }: ProbeSubject): string | null => {
  if (process.platform !== 'linux') return `needs Linux; this is ${process.platform}`
  if (processorOf(process.arch) === null) return `there is no system call filter for ${process.arch} processors`
  if (runtimes.length === 0) return 'no interpreter was found to run in a sandbox'
  if (!rootless && cgroups.host === null) return `no usable control groups, so no limits: ${cgroups.reason}`
  return null
}

const rootlessNotes = ({ cgroups }: ProbeSubject): string[] => {
  if (cgroups.host !== null) return []
  return [
    `memory is limited for each process, not for the whole sandbox; processor time is not limited (${cgroups.reason})`,
    'sandboxes run as the user of the server, each in a user namespace of its own',
    ...(countsProcessesPerNamespace() ? [] : ['the number of processes is not limited: that needs Linux 5.14']),
  ]
}

/** From `create` to the runtime's first byte. */
const startOne = async ({ driver, runtimes }: ProbeSubject): Promise<number> => {
  const runtime = runtimes.find(({ language }) => language === 'python') ?? runtimes[0]
  if (runtime === undefined) throw new Error('no runtime')
  const signal = AbortSignal.timeout(PROBE_WITHIN_MS)
  const startedMs = performance.now()
  const sandbox = await driver.create(
    {
      id: `probe-${randomBytes(6).toString('hex')}`,
      runtime,
      limits: PROBE_LIMITS,
      network: 'none',
      codeDir: null,
    },
    signal,
  )
  try {
    await firstBytes(sandbox, signal)
    return performance.now() - startedMs
  } finally {
    await sandbox.destroy('probe')
  }
}

const firstBytes = async (sandbox: Sandbox, signal: AbortSignal): Promise<void> => {
  const said = tail(sandbox.stderr)
  sandbox.stdout.resume()
  const died = sandbox.exited.then(async ({ code, signal: killedBy }) => {
    await ended(sandbox.stderr)
    const how = killedBy === null ? `exited with code ${code}` : `was ended by ${killedBy}`
    throw new Error(`the runtime ${how} before it was ready: ${said().trim() || 'it said nothing'}`)
  })
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`the runtime was not ready after ${PROBE_WITHIN_MS} ms`)))
  })
  await Promise.race([heard(sandbox.channel), died, late])
  died.catch(() => {})
}

/** A channel that ends without a word leaves the verdict to the exit. */
const heard = (channel: Duplex): Promise<void> => new Promise((resolve) => channel.once('data', () => resolve()))

const ended = (stream: Readable): Promise<void> =>
  stream.readableEnded || stream.destroyed
    ? Promise.resolve()
    : new Promise((resolve) => {
        stream.once('close', resolve)
      })

const tail = (stream: Readable): (() => string) => {
  let text = ''
  stream.on('data', (bytes: Buffer) => {
    text = (text + bytes.toString('utf8')).slice(-STDERR_KEPT_BYTES)
  })
  return () => text
}
