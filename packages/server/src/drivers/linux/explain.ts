// Turns the kernel's short refusals into words a user can act on.

import { existsSync, readFileSync } from 'node:fs'

/** Kernel settings that close user namespaces: where they are, when they do, what opens them. */
const SETTINGS = [
  { file: '/proc/sys/user/max_user_namespaces', closedBy: '0', open: 'sysctl user.max_user_namespaces=15000' },
  {
    file: '/proc/sys/kernel/unprivileged_userns_clone',
    closedBy: '0',
    open: 'sysctl kernel.unprivileged_userns_clone=1',
  },
  {
    file: '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
    closedBy: '1',
    open: 'sysctl kernel.apparmor_restrict_unprivileged_userns=0',
  },
] as const

/** How the launcher names the call. */
const USER_NAMESPACE = 'unshare user namespace'

export type ReadSetting = (file: string) => string | null

const readSetting: ReadSetting = (file) => (existsSync(file) ? readFileSync(file, 'utf8').trim() : null)

export const explain = (fault: string, rootless: boolean, read: ReadSetting = readSetting): string => {
  // A full quota of namespaces says "no space"; AppArmor lets a namespace be made, but then nothing be done in it.
  const refused = /Operation not permitted|Permission denied|No space left/.test(fault)
  const closed = SETTINGS.filter(({ file, closedBy }) => read(file) === closedBy)
  if (rootless && refused && (closed.length > 0 || fault.includes(USER_NAMESPACE))) {
    const how =
      closed.length > 0
        ? `opened by: ${closed.map(({ open }) => open).join('; ')}`
        : 'a security module or the container we are in forbids them'
    return `this user may not make user namespaces (${how}), and Hearth does not run as root: ${fault}`
  }
  if (/Operation not permitted|Permission denied/.test(fault)) {
    const why = rootless
      ? 'a container or security module around Hearth refuses it'
      : 'Hearth is root, but of a container without the rights for it (CAP_SYS_ADMIN, and a profile that allows mounts)'
    return `${fault}: ${why}`
  }
  return fault
}
