// The one table of everything that can be set. It drives flags, environment, file, --help and docs/operations.md.
//
// `dataDir` here is `--data-dir` on the command line, `HEARTH_DATA_DIR` in the environment, `data_dir` in the file.

import { resolve } from 'node:path'
import { ISOLATIONS } from '@hearth/protocol'

/** What the defaults need to know of the place. */
export interface Machine {
  readonly homeDir: string
  readonly memoryMb: number
}

interface Setting<T> {
  /** The value, or a throw whose message follows the value in a sentence: "is not a port". */
  readonly parse: (text: string, machine: Machine) => T
  readonly fallback: (machine: Machine) => T
  /** The default in words, for people. */
  readonly fallbackText: string
  /** Stands for the value in --help. */
  readonly placeholder: string
  readonly meaning: string
  /** Only the environment may carry it: command lines are readable by every process, files by every backup. */
  readonly secret?: true
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

export const SETTINGS = {
  dataDir: {
    parse: path,
    fallback: (machine) => resolve(machine.homeDir, '.hearth'),
    fallbackText: '`~/.hearth`',
    placeholder: 'FOLDER',
    meaning: 'Everything Hearth keeps: database, code, sockets, the admin key for the local command line',
  },
  host: {
    parse: (text) => matching(text, /^[A-Za-z0-9.:-]+$/, 'is not an address or host name'),
    fallback: () => '127.0.0.1',
    fallbackText: '`127.0.0.1`',
    placeholder: 'ADDRESS',
    meaning: 'Address that both ports listen on',
  },
  port: {
    parse: port,
    fallback: () => 4747,
    fallbackText: '`4747`',
    placeholder: 'PORT',
    meaning: 'Control port: API, documentation page, metrics. 0 takes any free port',
  },
  functionsPort: {
    parse: port,
    fallback: () => 4748,
    fallbackText: '`4748`',
    placeholder: 'PORT',
    meaning: "Functions port: the functions' own routes. 0 takes any free port",
  },
  adminKey: {
    parse: (text) => matching(text, /^[\x21-\x7e]+$/, 'must be visible ASCII characters without spaces'),
    fallback: nothing<string>,
    fallbackText: 'made at the first start',
    placeholder: 'KEY',
    meaning: 'The admin key. Replaces the one of earlier starts',
    secret: true,
  },
  adminKeyFile: {
    parse: path,
    fallback: nothing<string>,
    fallbackText: 'none',
    placeholder: 'FILE',
    meaning: 'File that holds the admin key, as container secrets are handed over',
  },
  isolation: {
    parse: (text) => oneOf(text, ['auto', ...ISOLATIONS]),
    fallback: () => 'auto' as const,
    fallbackText: '`auto`',
    placeholder: 'KIND',
    meaning:
      'Walls for functions that do not ask for a kind: `auto` takes the strongest that works here. `process` has no walls at all: every function can do what Hearth can do',
  },
  logLevel: {
    parse: (text) => oneOf(text, LOG_LEVELS),
    fallback: () => 'info' as const,
    fallbackText: '`info`',
    placeholder: 'LEVEL',
    meaning: `How much the server says on stderr: ${LOG_LEVELS.map((level) => `\`${level}\``).join(', ')}`,
  },
  region: {
    parse: (text) => matching(text, /^[a-z]{2}(-[a-z]+)+-\d{1,2}$/, 'is not a region such as us-east-1'),
    fallback: () => 'us-east-1',
    fallbackText: '`us-east-1`',
    placeholder: 'REGION',
    meaning: "AWS region that names, ARNs and functions' environments show",
  },
  accountId: {
    parse: (text) => matching(text, /^\d{12}$/, 'is not twelve digits'),
    fallback: () => '000000000000',
    fallbackText: '`000000000000`',
    placeholder: 'DIGITS',
    meaning: 'AWS account that ARNs show',
  },
  allowedHosts: {
    parse: (text) => list(text).map((name) => matching(name, /^[a-z0-9.:[\]-]+$/, 'is not a host name')),
    fallback: (): readonly string[] => [],
    fallbackText: 'none',
    placeholder: 'NAME,NAME',
    meaning:
      'More names, beside `localhost` and the address itself, that the control port answers for; others are refused, so that no web page can reach it through a name of its own',
  },
  maxSandboxes: {
    parse: (text) => whole(text, 1, 100_000),
    fallback: () => 256,
    fallbackText: '`256`',
    placeholder: 'COUNT',
    meaning: 'Sandboxes that may live at once',
  },
  memoryBudgetMb: {
    parse: (text) => whole(text, 64, 100_000_000),
    fallback: (machine) => Math.max(64, Math.floor(machine.memoryMb * 0.7)),
    fallbackText: '70 % of the memory',
    placeholder: 'MB',
    meaning: 'Memory that all sandboxes together may be promised',
  },
  keepAliveSeconds: {
    parse: (text) => whole(text, 0, 86_400),
    fallback: () => 600,
    fallbackText: '`600`',
    placeholder: 'SECONDS',
    meaning: 'How long an idle warm instance is kept',
  },
  poolSize: {
    parse: (text) => whole(text, 0, 100),
    fallback: () => 1,
    fallbackText: '`1`',
    placeholder: 'COUNT',
    meaning: 'Generic sandboxes kept booted for each runtime, so that a first call need not wait for one',
  },
  maxInstances: {
    parse: (text) => whole(text, 1, 10_000),
    fallback: () => 50,
    fallbackText: '`50`',
    placeholder: 'COUNT',
    meaning: 'Instances one function may have at once',
  },
  queueLimit: {
    parse: (text) => whole(text, 0, 1_000_000),
    fallback: () => 1_000,
    fallbackText: '`1000`',
    placeholder: 'COUNT',
    meaning: 'Calls of one function that may wait for an instance; more are answered 429',
  },
  queueWaitMs: {
    parse: (text) => whole(text, 0, 900_000),
    fallback: () => 10_000,
    fallbackText: '`10000`',
    placeholder: 'MS',
    meaning: 'How long a call may wait for an instance before it is answered 429',
  },
  retentionDays: {
    parse: (text) => whole(text, 1, 36_500),
    fallback: () => 30,
    fallbackText: '`30`',
    placeholder: 'DAYS',
    meaning: 'How long records and logs of invocations are kept',
  },
  retentionRecords: {
    parse: (text) => whole(text, 1_000, 1_000_000_000),
    fallback: () => 1_000_000,
    fallbackText: '`1000000`',
    placeholder: 'COUNT',
    meaning: 'How many records of invocations are kept at most, newest first',
  },
  drainSeconds: {
    parse: (text) => whole(text, 0, 3_600),
    fallback: () => 30,
    fallbackText: '`30`',
    placeholder: 'SECONDS',
    meaning: 'How long calls under way may take to finish after SIGTERM',
  },
} satisfies Record<string, Setting<unknown>>

export type SettingKey = keyof typeof SETTINGS

/** Every setting with its value. */
export type Settings = { readonly [K in SettingKey]: ReturnType<(typeof SETTINGS)[K]['fallback' | 'parse']> }

export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[]

/** The same table with the values' types forgotten, for code that treats all rows alike. */
export const settingRow = (key: SettingKey): Setting<unknown> => SETTINGS[key]

const words = (key: string): string[] => key.split(/(?=[A-Z])/).map((word) => word.toLowerCase())
export const flagOf = (key: string): string => `--${words(key).join('-')}`
export const variableOf = (key: string): string => `HEARTH_${words(key).join('_').toUpperCase()}`
export const fileKeyOf = (key: string): string => words(key).join('_')

function nothing<T>(): T | null {
  return null
}

function path(text: string, machine: Machine): string {
  return resolve(text.replace(/^~(?=\/|$)/, machine.homeDir))
}

function port(text: string): number {
  return whole(text, 0, 65_535)
}

function whole(text: string, min: number, max: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) throw new Error(`is not a whole number from ${min} to ${max}`)
  return value
}

function oneOf<const T extends string>(text: string, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate === text)
  if (choice === undefined) throw new Error(`is none of ${choices.join(', ')}`)
  return choice
}

function matching(text: string, pattern: RegExp, complaint: string): string {
  if (!pattern.test(text)) throw new Error(complaint)
  return text
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim().toLowerCase())
    .filter((item) => item !== '')
}
