// What exists: deploy, ls, get, rm.

import { ACCESSES, type FunctionInput, type FunctionView, ISOLATIONS, NETWORKS } from '@hearth/protocol'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { readDeployable } from '../deployable.ts'
import { UsageError } from '../failure.ts'
import { facts, table } from '../terminal.ts'
import type { Context } from './context.ts'

interface DeployOptions {
  name?: string
  description?: string
  runtime?: string
  handler?: string
  timeout?: number
  memory?: number
  env?: Record<string, string>
  route?: string | false
  public?: boolean
  isolation?: FunctionInput['isolation']
  network?: FunctionInput['network']
}

export function addFunctionCommands(program: Command, context: Context): void {
  program
    .command('deploy')
    .argument('<path>', 'a .py, .js or .mjs file, a folder, or a .zip')
    .description('create a function, or update the one of the same name')
    .option('--name <name>', 'its name (default: that of the file or folder)')
    .option('--description <text>', 'what it is for')
    .option('--runtime <runtime>', 'python, javascript, or an exact one such as python3.11')
    .option('--handler <file.function>', 'what is called (default: index.handler)')
    .option('--timeout <seconds>', 'time limit of a call', readNumber)
    .option('--memory <mb>', 'memory of an instance; processor time comes in proportion', readNumber)
    .option(
      '--env <NAME=VALUE>',
      'a variable of its environment, as often as needed; replaces the environment before',
      readVariable,
    )
    .option('--route <path>', 'its own path on the functions port, such as /users/{id}')
    .option('--no-route', 'take its path away')
    .option('--public', 'let the path be called without a key')
    .option('--no-public', 'ask for a key again')
    .addOption(new Option('--isolation <kind>', 'the least walls it accepts').choices(['auto', ...ISOLATIONS]))
    .addOption(new Option('--network <kind>', 'what it may reach').choices(NETWORKS))
    .action(async (path: string, options: DeployOptions, command: Command) => {
      const terminal = context.terminal(command)
      const client = context.client(command)
      const deployable = await readDeployable(path, options)
      const name = options.name ?? deployable.name
      const input = { name, ...deployable.code, ...settingsOf(options) }
      const existing = await client.findFunction(name)
      if (existing === null && deployable.unsure !== null) throw new UsageError(deployable.unsure)
      terminal.note(`${existing === null ? 'creating' : 'updating'} ${name} (${deployable.summary})`)
      const view =
        existing === null
          ? await client.createFunction({ ...deployable.guesses, ...input })
          : await client.updateFunction(name, input)
      terminal.result(view, () => `${view.name}  version ${view.version}${view.url === null ? '' : `  ${view.url}`}`)
    })

  program
    .command('ls')
    .description('list functions')
    .action(async (_: unknown, command: Command) => {
      const functions = await context.client(command).listFunctions()
      context.terminal(command).result(functions, () =>
        table(
          ['NAME', 'RUNTIME', 'VERSION', 'ROUTE', 'ISOLATION', 'UPDATED'],
          functions.map((view) => [view.name, view.runtime, view.version, view.route, view.isolation, view.updated_at]),
        ),
      )
    })

  program
    .command('get')
    .argument('<name>', 'name or id')
    .description('show a function')
    .action(async (name: string, _: unknown, command: Command) => {
      const view = await context.client(command).getFunction(name)
      context.terminal(command).result(view, () => describe(view))
    })

  program
    .command('rm')
    .argument('<names...>', 'names or ids')
    .description('remove functions')
    .action(async (names: string[], _: unknown, command: Command) => {
      const client = context.client(command)
      for (const name of names) {
        await client.removeFunction(name)
        context.terminal(command).note(`removed ${name}`)
      }
    })
}

/** Only what was said: an update keeps the rest. */
function settingsOf(options: DeployOptions): Partial<FunctionInput> {
  const access = options.public === undefined ? undefined : options.public ? ACCESSES[1] : ACCESSES[0]
  return {
    ...(options.description === undefined ? {} : { description: options.description }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.memory === undefined ? {} : { memory: options.memory }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.route === undefined ? {} : { route: options.route === false ? null : options.route }),
    ...(access === undefined ? {} : { access }),
    ...(options.isolation === undefined ? {} : { isolation: options.isolation }),
    ...(options.network === undefined ? {} : { network: options.network }),
  }
}

function describe(view: FunctionView): string {
  return facts({
    name: view.name,
    id: view.id,
    description: view.description,
    version: view.version,
    runtime: view.runtime,
    handler: view.handler,
    timeout: `${view.timeout} s`,
    memory: `${view.memory} MB`,
    environment: Object.keys(view.env).join(', ') || null,
    route: view.route,
    url: view.url,
    access: view.access,
    isolation: view.isolation,
    network: view.network,
    code: `${view.code_bytes} bytes, sha256 ${view.code_sha256}`,
    created: view.created_at,
    updated: view.updated_at,
  })
}

function readNumber(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It is not a number.')
  return value
}

function readVariable(text: string, before: Record<string, string> | undefined): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It has the form NAME=VALUE.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}
