// Command line and environment -> Config -> Hearth -> signals. Nothing else.

import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import { ConfigError, readConfig } from './config.ts'
import { examine, tellExamination } from './doctor.ts'
import { Hearth } from './hearth.ts'
import { helpText } from './settings-text.ts'
import { packageVersion } from './version.ts'

async function main(): Promise<void> {
  const config = readConfig({
    argv: process.argv.slice(2),
    env: process.env,
    readFile: (path) => readFileSync(path, 'utf8'),
  })
  if (config.command === 'help') return void process.stdout.write(helpText())
  if (config.command === 'version') return void process.stdout.write(`${packageVersion}\n`)

  const log = pino({ level: config.logLevel, base: null }, pino.destination({ fd: 2, sync: false }))
  if (config.command === 'doctor') {
    const examination = await examine(config, log)
    process.stdout.write(config.json ? `${JSON.stringify(examination)}\n` : tellExamination(examination))
    process.exitCode = examination.automatic === null ? 1 : 0
    return
  }

  for (const warning of config.warnings) log.warn({}, warning)
  const hearth = await Hearth.start(config, log)
  listenToSignals(hearth)
  // A closed stdout must not end a server that has told all it had to tell.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  // Who asked for one line gets one; the words, and the key that is shown only now, go beside it.
  ;(config.readyJson ? process.stderr : process.stdout).write(hearth.greeting)
  if (config.readyJson) process.stdout.write(`${JSON.stringify(hearth.readiness)}\n`)
}

/** One press of Ctrl-C comes twice: from the terminal itself and forwarded by npm. */
const sameSignalMs = 500

/** The first signal drains, a second one ends at once. */
function listenToSignals(hearth: Hearth): void {
  let askedMs: number | null = null
  const onSignal = (): void => {
    const nowMs = performance.now()
    if (askedMs !== null) {
      if (nowMs - askedMs > sameSignalMs) process.exit(1)
      return
    }
    askedMs = nowMs
    hearth.stop().then(
      () => process.exit(0),
      (fault) => {
        process.stderr.write(`Hearth did not stop cleanly: ${fault}\n`)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  // The terminal is gone; the server stays, as daemons do.
  process.on('SIGHUP', () => {})
}

main().catch((fault: unknown) => {
  process.stderr.write(`${tell(fault)}\n`)
  process.exit(fault instanceof ConfigError ? 2 : 1)
})

/** What a user can act on is told in words; only what nobody expected comes with a stack. */
function tell(fault: unknown): string {
  if (!(fault instanceof Error)) return String(fault)
  if (fault instanceof ConfigError || fault.name === 'HearthError') return fault.message
  const fromSystem = 'syscall' in fault && 'code' in fault
  return fromSystem ? `Hearth could not start: ${fault.message}` : (fault.stack ?? fault.message)
}
