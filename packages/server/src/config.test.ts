import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Config, ConfigError, readConfig } from './config.ts'
import { fileKeyOf, flagOf, SETTING_KEYS, settingRow, variableOf } from './settings.ts'
import { helpText, settingsMarkdown } from './settings-text.ts'

const machine = { homeDir: '/home/ada', memoryMb: 1_000 }

interface Given {
  argv?: string[]
  env?: Record<string, string>
  files?: Record<string, string>
}

function read({ argv = [], env = {}, files = {} }: Given): Config {
  const readFile = (path: string): string => {
    const content = files[path]
    if (content === undefined) throw new Error(`no such file: ${path}`)
    return content
  }
  return readConfig({ argv, env, readFile, machine })
}

function mistakesOf(given: Given): readonly string[] {
  try {
    read(given)
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
    throw error
  }
  return []
}

test('needs nothing: every setting has a default', () => {
  const config = read({})
  expect(config).toMatchObject({
    command: 'serve',
    readyJson: false,
    dataDir: '/home/ada/.hearth',
    host: '127.0.0.1',
    port: 4747,
    functionsPort: 4748,
    adminKey: null,
    isolation: 'auto',
    memoryBudgetMb: 700,
    warnings: [],
  })
  for (const key of SETTING_KEYS) expect(config[key], key).not.toBeUndefined()
})

test('takes flags over variables over the file', () => {
  const files = { '/etc/hearth.json': '{"port": 1000, "functions_port": 1001, "host": "::1"}' }
  const env = { HEARTH_CONFIG: '/etc/hearth.json', HEARTH_PORT: '2000', HEARTH_FUNCTIONS_PORT: '2001' }
  expect(read({ files, env, argv: ['--port', '3000'] })).toMatchObject({ host: '::1', functionsPort: 2001, port: 3000 })
})

test('reads every setting by its flag, with a blank or an equals sign, and by its variable', () => {
  expect(read({ argv: ['--pool-size=4', '--drain-seconds', '5'] })).toMatchObject({ poolSize: 4, drainSeconds: 5 })
  expect(read({ env: { HEARTH_ALLOWED_HOSTS: 'Hearth.example, other.example' } }).allowedHosts).toEqual([
    'hearth.example',
    'other.example',
  ])
})

test('prefers the file named by --config to the one of HEARTH_CONFIG', () => {
  const files = { '/a.json': '{"port": 1}', '/b.json': '{"port": 2}' }
  expect(read({ files, env: { HEARTH_CONFIG: '/a.json' }, argv: ['--config', '/b.json'] }).port).toBe(2)
})

test('names all mistakes at once, each with the place it came from', () => {
  const mistakes = mistakesOf({
    argv: ['--prot', '80', '--host', 'a b', '--queue-limit'],
    env: { HEARTH_PORT: '70000', HEARTH_DATADIR: '/tmp', HEARTH_CONFIG: '/etc/hearth.json' },
    files: { '/etc/hearth.json': '{"isolation": "lxc", "regoin": "eu-west-1", "pool_size": {}}' },
  })
  expect(mistakes).toEqual([
    '--prot (command line) is not a flag; did you mean --port?',
    '"80" (command line) is not a command',
    '--queue-limit (command line) needs a value',
    'HEARTH_DATADIR (environment) is not a setting; did you mean HEARTH_DATA_DIR?',
    'regoin (/etc/hearth.json) is not a setting; did you mean region?',
    'pool_size (/etc/hearth.json) must be a string, a number or a list of strings',
    '--host (command line): "a b" is not an address or host name',
    'HEARTH_PORT (environment): "70000" is not a whole number from 0 to 65535',
    'isolation (/etc/hearth.json): "lxc" is none of auto, process, linux, docker, gvisor, microvm',
  ])
})

test('puts the whole list into the message', () => {
  expect(() => read({ argv: ['--nope', '--port=x'] })).toThrow(/2 mistakes:\n {2}- --nope.*\n {2}- --port/s)
})

test.each([
  ['--port', '4747.5'],
  ['--port', '-1'],
  ['--port', '0x10'],
  ['--port', '1e3'],
  ['--account-id', '123'],
  ['--region', 'mars'],
  ['--log-level', 'loud'],
  ['--max-sandboxes', '0'],
])('refuses %s %s', (flag, value) => {
  expect(mistakesOf({ argv: [`${flag}=${value}`] })).toHaveLength(1)
})

test('says so when the settings file is missing, no JSON or no object', () => {
  expect(mistakesOf({ argv: ['--config=/none'] })).toEqual([expect.stringContaining('/none')])
  expect(mistakesOf({ argv: ['--config=/f'], files: { '/f': 'port=1' } })).toEqual([expect.stringContaining('JSON')])
  expect(mistakesOf({ argv: ['--config=/f'], files: { '/f': '[]' } })).toEqual([expect.stringContaining('object')])
})

test('treats an empty variable as not set, and leaves other programs their names', () => {
  const env = {
    HEARTH_PORT: '',
    HEARTH_ENDPOINT: 'x',
    HEARTH_KEY: 'x',
    HEARTH_SERVICE_HOST: 'x',
    HEARTH_PORT_4747_TCP: 'x',
  }
  expect(read({ env }).port).toBe(4747)
})

test('refuses one port for both doors, but any free port twice', () => {
  expect(mistakesOf({ argv: ['--port=80', '--functions-port=80'] })).toEqual([expect.stringContaining('origin')])
  expect(read({ argv: ['--port=0', '--functions-port=0'] })).toMatchObject({ port: 0, functionsPort: 0 })
})

test('takes the admin key from the environment or from a file, trimmed', () => {
  expect(read({ env: { HEARTH_ADMIN_KEY: 'k'.repeat(32) } }).adminKey).toBe('k'.repeat(32))
  const files = { '/run/secrets/key': `${'s'.repeat(32)}\n` }
  expect(read({ argv: ['--admin-key-file=/run/secrets/key'], files }).adminKey).toBe('s'.repeat(32))
})

test('keeps the admin key out of the command line, the settings file and every message', () => {
  const secret = 'hunter2 with spaces'
  const mistakes = [
    ...mistakesOf({ argv: ['--admin-key', secret] }),
    ...mistakesOf({ env: { HEARTH_ADMIN_KEY: secret } }),
    ...mistakesOf({ argv: ['--config=/f'], files: { '/f': JSON.stringify({ admin_key: secret }) } }),
    ...mistakesOf({ argv: ['--admin-key-file=/k'], files: { '/k': secret } }),
  ]
  expect(mistakes).toHaveLength(4)
  expect(mistakes.join()).not.toContain('hunter2')
})

test('refuses two sources of the admin key, and a key file that cannot be read', () => {
  const env = { HEARTH_ADMIN_KEY: 'k'.repeat(32), HEARTH_ADMIN_KEY_FILE: '/k' }
  expect(mistakesOf({ env, files: { '/k': 'x' } })).toEqual([expect.stringContaining('keep one')])
  expect(mistakesOf({ env: { HEARTH_ADMIN_KEY_FILE: '/k' } })).toEqual([expect.stringContaining('no such file')])
})

test('warns of no walls, of an open address and of a guessable key', () => {
  const env = { HEARTH_ISOLATION: 'process', HEARTH_HOST: '0.0.0.0', HEARTH_ADMIN_KEY: 'secret' }
  expect(read({ env }).warnings).toEqual([
    expect.stringContaining('WITHOUT WALLS'),
    expect.stringContaining('unencrypted'),
    expect.stringContaining('guessed'),
  ])
})

test('answers --help and --version whatever else is wrong', () => {
  expect(read({ argv: ['--port=x', '--help'], env: { HEARTH_NOPE: '1' } }).command).toBe('help')
  expect(read({ argv: ['-v'] }).command).toBe('version')
})

test('knows the doctor, and corrects its name', () => {
  expect(read({ argv: ['doctor', '--json'] })).toMatchObject({ command: 'doctor', json: true })
  expect(mistakesOf({ argv: ['docter'] })).toEqual(['"docter" (command line) is not a command; did you mean doctor?'])
})

test('reads ~ as the home folder and relative folders from where it was started', () => {
  expect(read({ argv: ['--data-dir=~/data'] }).dataDir).toBe('/home/ada/data')
  expect(read({ argv: ['--data-dir=data'] }).dataDir).toBe(`${process.cwd()}/data`)
})

test('--help names every setting', () => {
  const help = helpText()
  for (const key of SETTING_KEYS) expect(help).toContain(settingRow(key).secret ? variableOf(key) : flagOf(key))
})

test('docs/operations.md carries exactly this table', () => {
  const docs = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
  expect(docs).toContain(`\n${settingsMarkdown()}\n`)
  expect(SETTING_KEYS.map(fileKeyOf)).toHaveLength(new Set(SETTING_KEYS.map(fileKeyOf)).size)
})
