// What the launcher is told about one sandbox.

import { HearthError } from '../../domain/hearth-error.ts'
import type { Runtime } from '../../domain/runtime.ts'
import type { SandboxSpec } from '../../domain/sandbox.ts'
import type { Holdings } from './holdings.ts'
import type { StartRequest } from './launcher-messages.ts'
import { bootDataBytes, countsProcessesPerNamespace } from './rootless.ts'

const MIB = 1024 * 1024
/** Enough for locks and semaphores between processes; it counts as memory of the sandbox. */
const SHM_BYTES = 64 * MIB
const SHM_INODES = 1_024

/** All that a runtime finds in its environment until it is told which function it is. */
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', HOME: '/tmp' }

/** Rejects what could only fail inside, where nobody could say why. */
export const checkInterpreter = (runtime: Runtime): void => {
  const shown = ['/usr', '/bin', '/lib', '/lib64', ...runtime.prefixes]
  if (!shown.some((prefix) => runtime.interpreter.startsWith(`${prefix.replace(/\/+$/, '')}/`))) {
    throw new HearthError(
      'runtime_unavailable',
      `${runtime.name}: ${runtime.interpreter} is in none of the folders shown inside a sandbox (${shown.join(', ')})`,
    )
  }
}

export interface StartPlan {
  readonly spec: SandboxSpec
  readonly holdings: Holdings
  readonly token: string
  readonly resolvConf: string | null
}

export const startRequest = ({ spec, holdings, token, resolvConf }: StartPlan): StartRequest => {
  const { id, runtime, limits } = spec
  const { cgroup } = holdings
  return {
    id,
    token,
    join: cgroup?.joinFiles ?? [],
    prefixes: runtime.prefixes,
    programDir: runtime.programDir,
    resolvConf,
    task: spec.codeDir ?? holdings.taskFolder,
    argv: [runtime.interpreter, ...runtime.flags, `/var/runtime/${runtime.program}`, 'fd:3'],
    environment: ENVIRONMENT,
    uid: holdings.uid,
    gid: holdings.uid,
    openFiles: limits.openFiles,
    // The two that have no cgroup to be counted by. One process more: the sandbox's own first.
    processes: cgroup === null && countsProcessesPerNamespace() ? limits.processes + 1 : null,
    dataBytes: cgroup === null ? bootDataBytes(limits, runtime.language) : null,
    tmpBytes: limits.tmpMb * MIB,
    tmpInodes: limits.tmpInodes,
    shmBytes: SHM_BYTES,
    shmInodes: SHM_INODES,
    uplink: holdings.lease?.uplink ?? null,
  }
}
