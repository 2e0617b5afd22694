// Finds the control groups this machine offers.

import type { CgroupDetection } from './cgroup.ts'
import { cgroupV1 } from './cgroup-v1.ts'
import { cgroupV2 } from './cgroup-v2.ts'
import { readMounts } from './mounts.ts'

/**
 * Version 1 goes first: where its controllers are mounted (also beside a cgroup2 mount, the "hybrid" layout), version 2
 * does not have them. Changes nothing on the machine.
 */
export const detectCgroups = (mountsText?: string): CgroupDetection => {
  const mounts = readMounts(mountsText)
  const first = cgroupV1(mounts)
  if (first.host !== null) return first
  const second = cgroupV2(mounts)
  if (second.host !== null) return second
  return { host: null, reason: `${first.reason}; ${second.reason}` }
}
