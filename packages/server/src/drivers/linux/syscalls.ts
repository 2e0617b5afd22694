// Numbers of the system calls the filter speaks of. A list: [name, x86_64, aarch64], null where the kernel has none.

export type Processor = 'x64' | 'arm64'

export const PROCESSORS: Readonly<Record<Processor, { readonly auditArch: number; readonly newest: number }>> = {
  // `newest` is the last number known to this list's author (Linux 6.17: file_setattr). Both share numbers from 424 on.
  x64: { auditArch: 0xc000003e, newest: 469 },
  arm64: { auditArch: 0xc00000b7, newest: 469 },
}

export interface Syscall {
  readonly name: string
  readonly x64: number | null
  readonly arm64: number | null
}

const call = (name: string, x64: number | null, arm64: number | null): Syscall => ({ name, x64, arm64 })

/**
 * Refused with EPERM: everything that Docker's default profile gives only to holders of a capability (a sandbox holds
 * none, so this only takes away kernel code that a stranger could reach), and interfaces with a long record of faults.
 */
export const REFUSED: readonly Syscall[] = [
  // The tree of mounts, and files by handle
  call('mount', 165, 40),
  call('umount2', 166, 39),
  call('pivot_root', 155, 41),
  call('chroot', 161, 51),
  call('open_tree', 428, 428),
  call('move_mount', 429, 429),
  call('fsopen', 430, 430),
  call('fsconfig', 431, 431),
  call('fsmount', 432, 432),
  call('fspick', 433, 433),
  call('mount_setattr', 442, 442),
  call('statmount', 457, 457),
  call('listmount', 458, 458),
  call('open_tree_attr', 467, 467),
  call('name_to_handle_at', 303, 264),
  call('open_by_handle_at', 304, 265),
  call('quotactl', 179, 60),
  call('quotactl_fd', 443, 443),
  call('swapon', 167, 224),
  call('swapoff', 168, 225),
  // Namespaces (clone is looked at by its flags, clone3 is answered with ENOSYS)
  call('unshare', 272, 97),
  call('setns', 308, 268),
  call('sethostname', 170, 161),
  call('setdomainname', 171, 162),
  // Other processes
  call('ptrace', 101, 117),
  call('process_vm_readv', 310, 270),
  call('process_vm_writev', 311, 271),
  call('process_madvise', 440, 440),
  call('pidfd_getfd', 438, 438),
  call('kcmp', 312, 272),
  call('move_pages', 279, 239),
  call('migrate_pages', 256, 238),
  call('mbind', 237, 235),
  call('get_mempolicy', 239, 236),
  call('set_mempolicy', 238, 237),
  call('set_mempolicy_home_node', 450, 450),
  // Programs and modules in the kernel
  call('bpf', 321, 280),
  call('perf_event_open', 298, 241),
  call('userfaultfd', 323, 282),
  call('io_uring_setup', 425, 425),
  call('io_uring_enter', 426, 426),
  call('io_uring_register', 427, 427),
  call('fanotify_init', 300, 262),
  call('fanotify_mark', 301, 263),
  call('init_module', 175, 105),
  call('finit_module', 313, 273),
  call('delete_module', 176, 106),
  call('create_module', 174, null),
  call('query_module', 178, null),
  call('get_kernel_syms', 177, null),
  call('kexec_load', 246, 104),
  call('kexec_file_load', 320, 294),
  call('reboot', 169, 142),
  call('lookup_dcookie', 212, 18),
  call('syslog', 103, 116),
  // Keys are not kept apart by namespaces
  call('add_key', 248, 217),
  call('request_key', 249, 218),
  call('keyctl', 250, 219),
  // The machine's clock, accounting, terminals and ports
  call('clock_settime', 227, 112),
  call('clock_adjtime', 305, 266),
  call('settimeofday', 164, 170),
  call('adjtimex', 159, 171),
  call('acct', 163, 89),
  call('vhangup', 153, 58),
  call('iopl', 172, null),
  call('ioperm', 173, null),
  call('modify_ldt', 154, null),
  // Relics
  call('uselib', 134, null),
  call('ustat', 136, null),
  call('sysfs', 139, null),
  call('_sysctl', 156, null),
  call('nfsservctl', 180, 42),
  call('vserver', 236, null),
]

/** Looked at more closely than by number. */
export const EXAMINED = {
  clone: call('clone', 56, 220),
  clone3: call('clone3', 435, 435),
  socket: call('socket', 41, 198),
  socketpair: call('socketpair', 53, 199),
  ioctl: call('ioctl', 16, 29),
  personality: call('personality', 135, 92),
  fcntl: call('fcntl', 72, 25),
  prctl: call('prctl', 157, 167),
} as const

/**
 * Ways to have the kernel itself send a signal of one's choice later: a process stopped by SIGSTOP could have itself
 * woken by SIGCONT. Refused where sandboxes are frozen by signals; a freezer group holds whatever is sent.
 */
export const ALARMS: readonly Syscall[] = [call('timer_create', 222, 107), call('mq_notify', 244, 184)]
