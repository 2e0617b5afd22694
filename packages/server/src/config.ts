// Turns command line, environment and file into one value, once. It either succeeds or names every mistake there is.
// Precedence: file < HEARTH_* variables < flags.

import { homedir, totalmem } from 'node:os'
import { closest } from './lib/closest.ts'
import {
  fileKeyOf,
  flagOf,
  type Machine,
  SETTING_KEYS,
  type SettingKey,
  type Settings,
  settingRow,
  variableOf,
} from './settings.ts'

const COMMANDS = ['serve', 'doctor', 'help', 'version'] as const
export type Command = (typeof COMMANDS)[number]

export interface Config extends Settings {
  readonly command: Command
  /** Print one machine-readable line on stdout once the server answers. */
  readonly readyJson: boolean
  /** The doctor's report as JSON. */
  readonly json: boolean
  /** Settings that are allowed but that a careful operator should hear about at every start. */
  readonly warnings: readonly string[]
}

export interface ConfigSources {
  /** Without the interpreter and the program. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly readFile: (path: string) => string
  readonly machine?: Machine
}

/** Everything wrong with the settings, one sentence each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    super(
      `The settings have ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:\n${mistakes.map((mistake) => `  - ${mistake}`).join('\n')}`,
    )
    this.mistakes = mistakes
  }
}

export function readConfig({ argv, env, readFile, machine = thisMachine() }: ConfigSources): Config {
  const mistakes: string[] = []
  const flags = readFlags(argv, mistakes)
  if (flags.command === 'help' || flags.command === 'version') {
    return { ...settle([], machine, []), ...flags.switches, command: flags.command, warnings: [] }
  }
  const variables = readEnvironment(env, mistakes)
  const path = flags.configFile ?? (env.HEARTH_CONFIG || undefined)
  const file = path === undefined ? new Map() : readSettingsFile(path, readFile, mistakes)
  const settings = settle([file, variables, flags.given], machine, mistakes)
  const adminKey = readAdminKey(settings, [file, variables, flags.given], readFile, mistakes)
  mistakes.push(...contradictions(settings))
  if (mistakes.length > 0) throw new ConfigError(mistakes)

  const complete = { ...settings, adminKey }
  return { ...complete, ...flags.switches, command: flags.command, warnings: warningsFor(complete) }
}

/** What one source says: the raw text of each setting, and how to name the spot in a message. */
type Given = Map<SettingKey, { readonly text: string; readonly where: string }>

interface Flags {
  command: Command
  configFile: string | undefined
  readonly switches: { readyJson: boolean; json: boolean }
  readonly given: Given
}

function readFlags(argv: readonly string[], mistakes: string[]): Flags {
  const flags: Flags = {
    command: 'serve',
    configFile: undefined,
    switches: { readyJson: false, json: false },
    given: new Map(),
  }
  const byFlag = new Map(SETTING_KEYS.map((key) => [flagOf(key), key]))
  const known = ['--config', '--ready-json', '--json', '--help', '--version', ...byFlag.keys()]
  const rest = [...argv]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [flag, inline] = splitOnce(word, '=')
    const value = (): string | undefined => {
      const text = inline ?? (rest[0]?.startsWith('--') ? undefined : rest.shift())
      if (text === undefined || text === '') mistakes.push(`${flag} (command line) needs a value`)
      return text || undefined
    }
    const setting = byFlag.get(flag)
    if (setting !== undefined) {
      const text = value()
      if (text === undefined) continue
      if (settingRow(setting).secret)
        mistakes.push(
          `${flag} (command line) would show the secret to every process here; use ${variableOf(setting)} or ${flag}-file`,
        )
      else flags.given.set(setting, { text, where: `${flag} (command line)` })
    } else if (flag === '--config') flags.configFile = value()
    else if (word === '--ready-json') flags.switches.readyJson = true
    else if (word === '--json') flags.switches.json = true
    else if (word === '--help' || word === '-h') flags.command = 'help'
    else if (word === '--version' || word === '-v') flags.command = 'version'
    else if (word.startsWith('-')) mistakes.push(`${flag} (command line) is not a flag${didYouMean(flag, known)}`)
    else if (COMMANDS.some((command) => command === word)) flags.command = word as Command
    else mistakes.push(`"${word}" (command line) is not a command${didYouMean(word, COMMANDS)}`)
  }
  return flags
}

/** Names that belong to other programs of Hearth's, or that Kubernetes sets for a service called hearth. */
const FOREIGN_VARIABLES = /^HEARTH_(CONFIG|ENDPOINT|KEY|SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)$/

function readEnvironment(env: ConfigSources['env'], mistakes: string[]): Given {
  const given: Given = new Map()
  const byVariable = new Map(SETTING_KEYS.map((key) => [variableOf(key), key]))
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('HEARTH_') || text === undefined || text === '') continue
    const where = `${variable} (environment)`
    const setting = byVariable.get(variable)
    if (setting !== undefined) given.set(setting, { text, where })
    else if (!FOREIGN_VARIABLES.test(variable)) {
      mistakes.push(`${where} is not a setting${didYouMean(variable, byVariable.keys())}`)
    }
  }
  return given
}

function readSettingsFile(path: string, readFile: ConfigSources['readFile'], mistakes: string[]): Given {
  const given: Given = new Map()
  let content: unknown
  try {
    content = JSON.parse(readFile(path))
  } catch (cause) {
    mistakes.push(`${path} (settings file) cannot be read as JSON: ${messageOf(cause)}`)
    return given
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    mistakes.push(`${path} (settings file) must hold one JSON object`)
    return given
  }
  const byKey = new Map(SETTING_KEYS.map((key) => [fileKeyOf(key), key]))
  for (const [key, value] of Object.entries(content)) {
    const where = `${key} (${path})`
    const setting = byKey.get(key)
    const text = asText(value)
    if (setting === undefined) mistakes.push(`${where} is not a setting${didYouMean(key, byKey.keys())}`)
    else if (text === undefined) mistakes.push(`${where} must be a string, a number or a list of strings`)
    else if (settingRow(setting).secret) mistakes.push(`${where} is a secret; use ${fileKeyOf(setting)}_file`)
    else given.set(setting, { text, where })
  }
  return given
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(',')
  return undefined
}

/** Each setting from the last source that names it, else its default. */
function settle(sources: readonly Given[], machine: Machine, mistakes: string[]): Settings {
  const values: Partial<Record<SettingKey, unknown>> = {}
  for (const key of SETTING_KEYS) {
    const row = settingRow(key)
    values[key] = row.fallback(machine)
    const given = sources.findLast((source) => source.has(key))?.get(key)
    if (given === undefined) continue
    try {
      values[key] = row.parse(given.text, machine)
    } catch (cause) {
      mistakes.push(`${given.where}${row.secret ? '' : `: "${given.text}"`} ${messageOf(cause)}`)
    }
  }
  // The loop fills every key with what that row's own functions return; the type system cannot follow it.
  return values as Settings
}

function readAdminKey(
  settings: Settings,
  sources: readonly Given[],
  readFile: ConfigSources['readFile'],
  mistakes: string[],
): string | null {
  if (settings.adminKeyFile === null) return settings.adminKey
  const where = sources.findLast((source) => source.has('adminKeyFile'))?.get('adminKeyFile')?.where ?? ''
  if (settings.adminKey !== null) {
    mistakes.push(`${where} and ${variableOf('adminKey')} (environment) both give the admin key; keep one`)
    return null
  }
  try {
    return settingRow('adminKey').parse(readFile(settings.adminKeyFile).trim(), thisMachine()) as string
  } catch (cause) {
    mistakes.push(`${where}: the key in "${settings.adminKeyFile}" cannot be used: ${messageOf(cause)}`)
    return null
  }
}

function contradictions(settings: Settings): string[] {
  const samePort = settings.port !== 0 && settings.port === settings.functionsPort
  return samePort
    ? [
        `${variableOf('port')} and ${variableOf('functionsPort')} are both ${settings.port}: what functions answer must not share an origin with the control port`,
      ]
    : []
}

function warningsFor(settings: Settings): string[] {
  const warnings: string[] = []
  if (settings.isolation === 'process') {
    warnings.push('isolation is "process": functions run WITHOUT WALLS and can do everything Hearth itself can do')
  }
  if (!/^(localhost|127(\.\d+){3}|::1)$/.test(settings.host)) {
    warnings.push(`listening on ${settings.host}: keys and payloads travel unencrypted; put a TLS proxy in front`)
  }
  if (settings.adminKey !== null && settings.adminKey.length < 20) {
    warnings.push('the admin key is shorter than 20 characters: it could be guessed')
  }
  return warnings
}

function thisMachine(): Machine {
  // Inside a container the limit of the container counts, not the machine.
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY
  return { homeDir: homedir(), memoryMb: Math.floor(Math.min(totalmem(), limit) / 1024 / 1024) }
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function didYouMean(word: string, candidates: Iterable<string>): string {
  const candidate = closest(word, candidates)
  return candidate === null ? '' : `; did you mean ${candidate}?`
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
