// What one sandbox holds outside of its own walls: a user id, a control group, a folder, a link. All of it is taken
// before the first process and given back after the last one, and by nobody else.

import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { SandboxLimits, SandboxSpec } from '../../domain/sandbox.ts'
import type { Cgroup, CgroupHost, CgroupLimits } from '../../lib/cgroup/cgroup.ts'
import type { Egress, EgressLease } from './egress.ts'
import type { UidPool } from './uid-pool.ts'

export interface HoldingsPlace {
  /** Cgroups are `hearth/<ownerTag>/<sandbox id>`. */
  readonly cgroupPrefix: string
  readonly cgroups: CgroupHost | null
  /** Null without root: then everything runs as the server's own user. */
  readonly uids: UidPool | null
  readonly egress: Egress
  readonly folder: string
}

export interface Holdings {
  readonly uid: number
  readonly cgroup: Cgroup | null
  readonly lease: EgressLease | null
  /** Shown inside as `/var/task` when the code comes later. */
  readonly taskFolder: string
  /** Repeatable until it succeeds; what cannot be given back stays taken. */
  release(): Promise<void>
}

const MIB = 1024 * 1024
/** Process 1 is ours and not part of what the guest may have. */
const OWN_PROCESSES = 1

export const cgroupLimits = (limits: SandboxLimits): CgroupLimits => ({
  memoryBytes: limits.memoryMb * MIB,
  cpus: limits.cpus,
  processes: limits.processes + OWN_PROCESSES,
})

/** POLICY: a runtime boots with a whole processor, as at AWS; its own share is set by `inject` or `setLimits`. */
const bootLimits = (limits: SandboxLimits): CgroupLimits => cgroupLimits({ ...limits, cpus: Math.max(1, limits.cpus) })

export const takeHoldings = async (place: HoldingsPlace, spec: SandboxSpec): Promise<Holdings> => {
  const lease = spec.network === 'egress' ? await place.egress.take() : null
  const folder = join(place.folder, spec.id)
  const taskFolder = join(folder, 'task')
  let uid: number | null = null
  let cgroup: Cgroup | null = null
  const release = async (): Promise<void> => {
    // The id last: as long as anything of the sandbox may be alive, nobody else may have it.
    await cgroup?.remove()
    if (lease !== null) await place.egress.giveBack(lease)
    await rm(folder, { recursive: true, force: true })
    if (uid !== null) place.uids?.giveBack(uid)
    uid = null
  }
  try {
    mkdirSync(taskFolder, { recursive: true })
    chmodSync(taskFolder, 0o755)
    uid = place.uids?.take() ?? null
    cgroup = place.cgroups?.create(`${place.cgroupPrefix}/${spec.id}`, bootLimits(spec.limits)) ?? null
  } catch (fault) {
    rmSync(folder, { recursive: true, force: true })
    await release()
    throw fault
  }
  return { uid: uid ?? 0, cgroup, lease, taskFolder, release }
}
