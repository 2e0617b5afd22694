// Asks an interpreter what it is, by running it: a shim answers with the real one behind it, a broken one not at all.

import { execFile } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Examined {
  /** Links and shims resolved. */
  readonly interpreter: string
  readonly version: readonly [major: number, minor: number, patch: number]
  /** Trees it needs beside /usr. */
  readonly prefixes: readonly string[]
}

/** On a busy machine a first start from a cold disk takes seconds. */
const deadlineMs = 10_000

/** Nothing of ours: a shim needs the PATH to find what is behind it, and HOME to find its versions. */
const cleanEnvironment = (): NodeJS.ProcessEnv => ({ PATH: process.env.PATH, HOME: process.env.HOME })

/**
 * Python also compiles the runtime's program on the way: sandboxes see it read-only, and without the compiled form every
 * cold start would compile it again.
 */
const pythonQuestion = `
import json, os, sys
try:
    import compileall
    compileall.compile_dir(sys.argv[1], quiet=2)
except Exception:
    pass
real = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
print(json.dumps({"interpreter": real, "version": list(sys.version_info[:3]), "prefix": os.path.realpath(sys.base_prefix)}))
`

export async function examinePython(candidate: string, programDir: string): Promise<Examined> {
  const { stdout } = await run(candidate, ['-I', '-S', '-c', pythonQuestion, programDir], {
    env: cleanEnvironment(),
    timeout: deadlineMs,
  })
  const told = JSON.parse(stdout) as { interpreter: string; version: [number, number, number]; prefix: string }
  return { interpreter: told.interpreter, version: told.version, prefixes: isSystem(told.prefix) ? [] : [told.prefix] }
}

export async function examineNode(candidate: string): Promise<Examined> {
  const isOwn = realpathSync(candidate) === realpathSync(process.execPath)
  const told = isOwn
    ? { interpreter: process.execPath, version: process.versions.node }
    : (JSON.parse(
        (
          await run(
            candidate,
            ['-p', 'JSON.stringify({ interpreter: process.execPath, version: process.versions.node })'],
            {
              env: cleanEnvironment(),
              timeout: deadlineMs,
            },
          )
        ).stdout,
      ) as { interpreter: string; version: string })
  const interpreter = realpathSync(told.interpreter)
  const [major = 0, minor = 0, patch = 0] = told.version.split('.').map(Number)
  return {
    interpreter,
    version: [major, minor, patch],
    prefixes: isSystem(interpreter) ? [] : [nodePrefix(interpreter)],
  }
}

/** The installation if it looks like one; else only the folder of the executable, never a home folder around it. */
function nodePrefix(interpreter: string): string {
  const installation = dirname(dirname(interpreter))
  return existsSync(join(installation, 'include', 'node')) ? installation : dirname(interpreter)
}

const isSystem = (path: string): boolean => path === '/usr' || path.startsWith('/usr/')
