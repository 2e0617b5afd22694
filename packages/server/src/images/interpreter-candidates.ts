// Where interpreters live on a machine: system folders, version managers, the PATH. Only places to look; what is found
// there is asked for its version before it is believed.

import { readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly homeDir: string
  /** The Node that runs the server. */
  readonly execPath: string
}

/** Most trusted first: of two with the same version, the earlier is taken. The system's own need nothing shown beside /usr. */
export function pythonCandidates({ env, homeDir }: Surroundings): string[] {
  const named = /^python3(\.\d+)?$/
  const pyenv = env.PYENV_ROOT ?? join(homeDir, '.pyenv')
  return [
    ...matching('/usr/bin', named),
    ...matching('/usr/local/bin', named),
    ...entries(join(pyenv, 'versions')).map((version) => join(pyenv, 'versions', version, 'bin', 'python3')),
    ...onPath(env, 'python3'),
  ]
}

export function nodeCandidates({ env, homeDir, execPath }: Surroundings): string[] {
  const nvm = join(env.NVM_DIR ?? join(homeDir, '.nvm'), 'versions', 'node')
  return [
    execPath,
    '/usr/bin/node',
    '/usr/local/bin/node',
    ...entries(nvm).map((version) => join(nvm, version, 'bin', 'node')),
    ...onPath(env, 'node'),
  ]
}

/** What a name means to a shell, as far as it is a file on the PATH. */
export const onPath = (env: Surroundings['env'], name: string): string[] =>
  (env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))

function matching(folder: string, pattern: RegExp): string[] {
  return entries(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name))
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}
