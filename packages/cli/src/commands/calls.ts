// What happens: invoke, execute, logs.

import { readFile } from 'node:fs/promises'
import { type InvocationWithLogs, ISOLATIONS, type Isolation } from '@hearth/protocol'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ApiClient, InvokeAnswer } from '../api-client.ts'
import { ServiceError, UsageError } from '../failure.ts'
import type { Place } from '../place.ts'
import { harmless, type Terminal } from '../terminal.ts'
import type { Context } from './context.ts'

interface InvokeOptions {
  data?: string
  isolation?: Isolation
  logs?: boolean
  raw?: boolean
}

const isolationOption = (): Option =>
  new Option('--isolation <kind>', 'walls for this call; never weaker than the function asks for').choices(ISOLATIONS)

export function addCallCommands(program: Command, context: Context): void {
  program
    .command('invoke')
    .argument('<name>', 'name or id')
    .description("call a function and print its answer; exits with 1 when the function's outcome is not ok")
    .option('-d, --data <json>', 'the event: JSON, @file, or - for stdin (default: what is piped in, else {})')
    .option('--logs', 'what the function printed, too')
    .option('--raw', 'leave control characters in its output')
    .addOption(isolationOption())
    .action(async (name: string, options: InvokeOptions, command: Command) => {
      const terminal = context.terminal(command)
      const client = context.client(command)
      const event = await readEvent(options.data, context.place)
      const answer = await client.invoke(name, event, options.isolation)
      const record = options.logs ? await recordOf(client, answer.requestId) : null
      if (record !== null && !terminal.json) noteLogs(record, terminal, options.raw === true)
      terminal.note(`${answer.outcome}  ${answer.isolation}  ${answer.start}  ${answer.timings}  ${answer.requestId}`)
      const clean = options.raw ? (text: string) => text : harmless
      const text = clean(answer.body.toString())
      terminal.print(terminal.json ? JSON.stringify(describeAnswer(answer, record), null, 2) : text)
      if (answer.outcome !== 'ok') context.exitWith(1)
    })

  program
    .command('execute')
    .argument('<name>', 'name or id')
    .argument('[args...]', 'positional arguments: JSON, or plain text')
    .description('call a function with positional arguments')
    .option('--raw', 'leave control characters in its output')
    .addOption(isolationOption())
    .action(async (name: string, args: string[], options: InvokeOptions, command: Command) => {
      const terminal = context.terminal(command)
      const clean = options.raw ? (text: string) => text : harmless
      const isolation = options.isolation === undefined ? {} : { isolation: options.isolation }
      const view = await context.client(command).execute({ id: name, args: args.map(jsonOrText), ...isolation })
      if (!terminal.json) {
        if (view.stdout !== '') terminal.note(clean(view.stdout.trimEnd()))
        if (view.stderr !== '') terminal.note(clean(view.stderr.trimEnd()))
        if (view.error !== null)
          terminal.note(clean([`${view.error.type}: ${view.error.message}`, ...view.error.trace].join('\n')))
        terminal.note(`${view.outcome}  ${view.isolation}  ${view.start}  ${view.duration_ms} ms  ${view.request_id}`)
      }
      const output = view.error === null ? clean(JSON.stringify(view.output) ?? '') : ''
      terminal.result(view, () => output)
      if (view.outcome !== 'ok') context.exitWith(1)
    })

  program
    .command('logs')
    .argument('<name or request id>', 'a function, for its last calls, or one call')
    .description('show what functions printed')
    .option('-n, --count <calls>', 'how many calls', readCount, 10)
    .option('--raw', 'leave control characters in their output')
    .action(async (what: string, options: { count: number; raw?: boolean }, command: Command) => {
      const client = context.client(command)
      const records = await recordsOf(client, what, options.count)
      context
        .terminal(command)
        .result(records, () => records.map((record) => describeLogs(record, options.raw === true)).join('\n'))
    })
}

async function readEvent(data: string | undefined, place: Place): Promise<Uint8Array> {
  if (data === undefined) return (await place.stdin({ force: false })) ?? Buffer.from('{}')
  if (data === '-' || data === '@-') return (await place.stdin({ force: true })) ?? Buffer.alloc(0)
  if (!data.startsWith('@')) return Buffer.from(data)
  const path = data.slice(1)
  return await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`The event cannot be read from ${path}: ${error.message}`)
  })
}

/** The request id is known before the record is written: records travel in batches. */
async function recordOf(client: ApiClient, requestId: string): Promise<InvocationWithLogs> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await client.getInvocation(requestId)
    } catch (error) {
      const early = error instanceof ServiceError && error.code === 'invocation_not_found' && tries < 50
      if (!early) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

async function recordsOf(client: ApiClient, what: string, count: number): Promise<InvocationWithLogs[]> {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(what)) {
    const found = await client.getInvocation(what).catch((error: unknown) => {
      // Functions have ids of the same form.
      if (error instanceof ServiceError && error.code === 'invocation_not_found') return null
      throw error
    })
    if (found !== null) return [found]
  }
  const newestFirst = await client.listInvocations(what, count)
  return await Promise.all(newestFirst.reverse().map(({ id }) => client.getInvocation(id)))
}

function noteLogs(record: InvocationWithLogs, terminal: Terminal, raw: boolean): void {
  const clean = raw ? (text: string) => text : harmless
  for (const { text } of record.logs) terminal.note(clean(text))
  if (record.logs_dropped_bytes > 0)
    terminal.note(`(${record.logs_dropped_bytes} bytes more were printed and not kept)`)
}

function describeLogs(record: InvocationWithLogs, raw: boolean): string {
  const clean = raw ? (text: string) => text : harmless
  const head = `${record.received_at}  ${record.id}  ${record.outcome}  ${record.isolation}  ${record.start}  ${record.total_ms} ms`
  const fault = record.error_type === null ? [] : [`  ${record.error_type}: ${record.error_message ?? ''}`]
  const lines = record.logs.map(({ stream, text }) => `  ${stream === 'stderr' ? '!' : '|'} ${text}`)
  const dropped = record.logs_dropped_bytes > 0 ? [`  (${record.logs_dropped_bytes} bytes more were not kept)`] : []
  return [head, ...[...fault, ...lines].map(clean), ...dropped].join('\n')
}

function describeAnswer(answer: InvokeAnswer, record: InvocationWithLogs | null): object {
  return {
    request_id: answer.requestId,
    outcome: answer.outcome,
    isolation: answer.isolation,
    start: answer.start,
    timings: answer.timings,
    answer: jsonOrText(answer.body.toString()),
    ...(record === null ? {} : { logs: record.logs }),
  }
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function readCount(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1 || count > 1_000)
    throw new InvalidArgumentError('It is a number from 1 to 1000.')
  return count
}
