// Lets a server of its own process make sandboxes and then kills it, as `kill -9` does.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { SandboxSpec } from '../../src/domain/sandbox.ts'

const program = fileURLToPath(new URL('../doomed-server.mjs', import.meta.url))

export interface DoomedServer {
  /** Where the driver's class is; it runs in another process, which gets no closures. */
  readonly driver: { readonly module: string; readonly name: string }
  readonly options: { readonly ownerTag: string; readonly runDir: string; readonly runtimes: readonly unknown[] }
  readonly specs: readonly SandboxSpec[]
}

export const killServer = async (doomed: DoomedServer): Promise<void> => {
  const child = spawn(process.execPath, [program, JSON.stringify(doomed)], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  let stderr = ''
  child.stderr.on('data', (bytes) => {
    stderr += bytes
  })
  const [said] = await Promise.race([once(child.stdout, 'data'), exited])
  child.kill('SIGKILL')
  await exited
  if (String(said) !== 'doomed\n') throw new Error(`the server died too early: ${stderr}`)
}
