// The settings in words: for --help and for docs/operations.md, both from the one table.

import { fileKeyOf, flagOf, SETTING_KEYS, settingRow, variableOf } from './settings.ts'

export function helpText(): string {
  const rows = SETTING_KEYS.map((key): [string, string] => {
    const { placeholder, meaning, fallbackText, secret } = settingRow(key)
    const label = secret ? `${variableOf(key)}=${placeholder}` : `${flagOf(key)} ${placeholder}`
    return [label, `${meaning} (${fallbackText})`.replaceAll('`', '')]
  })
  return [
    'Usage: npm start -- [command] [flags]',
    '',
    'Commands:',
    ...table([
      ['serve', 'Run the server (the default)'],
      ['doctor', 'Say what each kind of isolation can do on this machine, by really starting a sandbox'],
    ]),
    '',
    'Flags:',
    ...table([
      ['--config FILE', 'JSON file with settings, named as the flags with _ for - and no dashes before (none)'],
      ...rows,
      ['--ready-json', 'Print one line of JSON on stdout once the server answers'],
      ['--json', "The doctor's report as JSON"],
      ['--help, --version', ''],
    ]),
    '',
    'Each flag is also a variable: --data-dir is HEARTH_DATA_DIR. Flags win over variables, variables over the file.',
    '',
  ].join('\n')
}

/** The markdown table in docs/operations.md; a test keeps the two equal. */
export function settingsMarkdown(): string {
  const rows = SETTING_KEYS.map((key) => {
    const { meaning, fallbackText, secret } = settingRow(key)
    const names = secret ? [variableOf(key)] : [variableOf(key), flagOf(key), fileKeyOf(key)]
    return `| ${names.map((name) => `\`${name}\``).join(' ')} | ${fallbackText} | ${meaning} |`
  })
  return ['| variable, flag, key in the file | default | meaning |', '| --- | --- | --- |', ...rows].join('\n')
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([label]) => label.length))
  return rows.map(([label, text]) => `  ${label.padEnd(width)}  ${text}`.trimEnd())
}
