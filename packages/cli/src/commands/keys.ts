// Who may: keys ls, keys create, keys rm.

import { SCOPES, type Scope } from '@hearth/protocol'
import { type Command, InvalidArgumentError } from 'commander'
import { table } from '../terminal.ts'
import type { Context } from './context.ts'

const DAY_SECONDS = 86_400

export function addKeyCommands(program: Command, context: Context): void {
  const keys = program.command('keys').description('keys for the API')

  keys
    .command('ls')
    .description('list keys; never the keys themselves')
    .action(async (_: unknown, command: Command) => {
      const views = await context.client(command).listKeys()
      context.terminal(command).result(views, () =>
        table(
          ['ID', 'NAME', 'SCOPES', 'CREATED', 'EXPIRES', 'LAST USED'],
          views.map((view) => [
            view.id,
            view.name,
            view.scopes.join(' '),
            view.created_at,
            view.expires_at,
            view.last_used_at,
          ]),
        ),
      )
    })

  keys
    .command('create')
    .argument('<name>', 'what it is for')
    .description('make a key and show it, this once')
    .option('--scopes <list>', `some of ${SCOPES.join(', ')}`, readScopes, ['invoke'] as Scope[])
    .option('--expires-in-days <days>', 'how long it is valid (default: until removed)', readDays)
    .action(async (name: string, options: { scopes: Scope[]; expiresInDays?: number }, command: Command) => {
      const terminal = context.terminal(command)
      const expiry =
        options.expiresInDays === undefined
          ? {}
          : { expires_in_seconds: Math.round(options.expiresInDays * DAY_SECONDS) }
      const view = await context.client(command).createKey({ name, scopes: options.scopes, ...expiry })
      terminal.note(`key ${view.id} for ${view.scopes.join(', ')}; it is shown this once`)
      terminal.result(view, () => view.key ?? '')
    })

  keys
    .command('rm')
    .argument('<ids...>', 'ids as keys ls shows them')
    .description('make keys worthless at once')
    .action(async (ids: string[], _: unknown, command: Command) => {
      const client = context.client(command)
      for (const id of ids) {
        await client.removeKey(id)
        context.terminal(command).note(`removed ${id}`)
      }
    })
}

function readScopes(text: string): Scope[] {
  return text.split(',').map((word) => {
    const scope = SCOPES.find((candidate) => candidate === word.trim())
    if (scope === undefined) throw new InvalidArgumentError(`"${word}" is none of ${SCOPES.join(', ')}.`)
    return scope
  })
}

function readDays(text: string): number {
  const days = Number(text)
  if (!(days > 0 && days <= 36_500)) throw new InvalidArgumentError('It is a number of days above 0.')
  return days
}
