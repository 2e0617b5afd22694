// The server on this machine: start, doctor. Both are the server's own work; this only passes them on.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { ServiceError } from '../failure.ts'
import type { Context } from './context.ts'
import { describeDrivers } from './insight.ts'

const starter = fileURLToPath(new URL('../../../../scripts/start.mjs', import.meta.url))
const server = fileURLToPath(new URL('../../../server/dist/main.js', import.meta.url))

export function addServerCommands(program: Command, context: Context): void {
  program
    .command('start')
    .description("run the server here; takes the server's flags (hearth start --help)")
    .argument('[flags...]')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (flags: string[]) => {
      context.exitWith(await become(starter, flags))
    })

  program
    .command('doctor')
    .description('what each kind of isolation can do on this machine and why not, by really starting a sandbox')
    .action(async (_: unknown, command: Command) => {
      const { json, endpoint } = context.globals(command)
      if (endpoint === undefined) context.exitWith(await become(server, ['doctor', ...(json ? ['--json'] : [])]))
      else {
        const drivers = await context.client(command).listDrivers()
        context.terminal(command).result(drivers, () => describeDrivers(drivers))
        if (!drivers.some(({ available }) => available)) context.exitWith(1)
      }
    })
}

/** Runs a program of this installation on this terminal, passes signals on, and resolves with its exit code. */
async function become(program: string, args: readonly string[]): Promise<number> {
  if (!existsSync(program)) {
    throw new ServiceError('not_installed', `${program} is not here. Run npm start in a clone of Hearth first.`)
  }
  const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' })
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal)
  process.on('SIGTERM', pass)
  // The terminal tells both at once; the child alone decides when it is over.
  const wait = (): void => {}
  process.on('SIGINT', wait)
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code) => resolve(code ?? 1))
    })
  } finally {
    process.off('SIGTERM', pass)
    process.off('SIGINT', wait)
  }
}
