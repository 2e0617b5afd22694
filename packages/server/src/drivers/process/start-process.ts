// Starts a runtime as a child process, limited from its first instruction on and known by name before it can do anything.

import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { SandboxSpec } from '../../domain/sandbox.ts'

/**
 * The shell becomes the runtime, so what it does to itself holds for that. It writes down who it is by itself: there is no
 * moment in which a server that dies leaves a process nobody knows. Descriptor 4 tells what went wrong, and that the
 * runtime has begun by being closed.
 *
 * Node hands on what it has itself inherited, so whatever the server was started with is closed here. Only bash can name
 * descriptors above 9.
 */
const becomeRuntime = `
fail() { echo "$1" >&4; exit 126; }
read -r identity < /proc/$$/stat && echo "$identity" > "$HEARTH_IDENTITY" || fail "cannot write $HEARTH_IDENTITY"
for file in $HEARTH_JOIN; do echo 0 > "$file" || fail "cannot join the control group by $file"; done
for path in /proc/self/fd/*; do
  fd=\${path##*/}
  case $fd in [0-4]) ;; [5-9]) eval "exec $fd>&-" ;; *) [ -z "$BASH_VERSION" ] || eval "exec $fd>&-" ;; esac
done
ulimit -c 0
ulimit -n "$HEARTH_OPEN_FILES" || fail "cannot have $HEARTH_OPEN_FILES open files"
unset HEARTH_IDENTITY HEARTH_JOIN HEARTH_OPEN_FILES
exec "$@" 4>&-`

const shell = existsSync('/bin/bash') ? '/bin/bash' : '/bin/sh'

export interface ProcessPlace {
  /** With `task/` and `tmp/` in it. */
  readonly folder: string
  readonly joinFiles: readonly string[]
}

/** Where the process writes its line of `/proc/<pid>/stat`. */
export const identityFile = (folder: string): string => join(folder, 'identity')

export const spawnRuntime = ({ runtime, limits }: SandboxSpec, { folder, joinFiles }: ProcessPlace): ChildProcess => {
  accessSync(runtime.interpreter, constants.X_OK)
  const program = [runtime.interpreter, ...runtime.flags, join(runtime.programDir, runtime.program), 'fd:3']
  return spawn(shell, ['-c', becomeRuntime, 'sh', ...program], {
    cwd: join(folder, 'task'),
    // Nothing of the server's own environment.
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: join(folder, 'tmp'),
      TMPDIR: join(folder, 'tmp'),
      HEARTH_IDENTITY: identityFile(folder),
      HEARTH_JOIN: joinFiles.join(' '),
      HEARTH_OPEN_FILES: String(limits.openFiles),
    },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    // A session of its own: what it starts can be found and ended together.
    detached: true,
  })
}

/** Resolves once the shell has become the runtime; rejects with the reason why it has not. */
export const hasBegun = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    const telltale = child.stdio[4]
    let fault = ''
    child.once('error', reject)
    telltale?.on('error', reject)
    telltale?.on('data', (bytes) => {
      fault += bytes
    })
    telltale?.once('close', () => (fault === '' ? resolve() : reject(new Error(fault.trim()))))
  })
