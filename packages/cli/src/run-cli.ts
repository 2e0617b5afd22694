// `hearth <verb>`: reads the words, lets one command work, and turns its end into an exit code.

import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { ApiClient } from './api-client.ts'
import { addCallCommands } from './commands/calls.ts'
import type { Context } from './commands/context.ts'
import { addFunctionCommands } from './commands/functions.ts'
import { addInsightCommands } from './commands/insight.ts'
import { addKeyCommands } from './commands/keys.ts'
import { addServerCommands } from './commands/server.ts'
import { type ConnectionOptions, findConnection } from './connection.ts'
import { ServiceError, UsageError } from './failure.ts'
import type { Place } from './place.ts'
import { harmless, Terminal, type TerminalOptions } from './terminal.ts'

/** Resolves with the exit code: 0 ok, 1 the function or the service failed, 2 the command was wrong. */
export async function runCli(argv: readonly string[], place: Place): Promise<number> {
  const program = describeProgram(place)
  let exitCode = 0
  const context: Context = {
    place,
    terminal: (command) => new Terminal(place, readTerminalOptions(command)),
    client: (command) => new ApiClient(findConnection(command.optsWithGlobals<ConnectionOptions>(), place)),
    globals: (command) => command.optsWithGlobals(),
    exitWith: (code) => {
      exitCode = code
    },
  }
  for (const add of [addFunctionCommands, addCallCommands, addInsightCommands, addKeyCommands, addServerCommands]) {
    add(program, context)
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    // Commander has said what is wrong by itself.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    return tellFailure(error, place)
  }
}

function describeProgram(place: Place): Command {
  const description = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return new Command('hearth')
    .description('Deploy, call and watch functions on a Hearth server.')
    .version(description.version)
    .option('--endpoint <url>', 'control address of the server (HEARTH_ENDPOINT; else the one running here)')
    .option('--key <key>', 'key to show it (better: HEARTH_KEY; else the admin key kept on this machine)')
    .option('--json', 'results as JSON')
    .option('--quiet', 'results and errors only')
    .showHelpAfterError('(hearth --help, or hearth <command> --help, says more)')
    .configureOutput({ writeOut: place.stdout, writeErr: place.stderr })
    .exitOverride()
}

function readTerminalOptions(command: Command): TerminalOptions {
  const { json = false, quiet = false } = command.optsWithGlobals<Partial<TerminalOptions>>()
  return { json, quiet }
}

function tellFailure(error: unknown, place: Place): number {
  const expected = error instanceof UsageError || error instanceof ServiceError
  const text = error instanceof Error ? (expected ? error.message : (error.stack ?? error.message)) : String(error)
  const label = place.colours ? '\x1b[31merror:\x1b[0m' : 'error:'
  place.stderr(`${label} ${harmless(text)}\n`)
  return error instanceof UsageError ? 2 : 1
}
