// The host's side of guest.sh: says lines of shell to it and hears what it writes to the channel.

import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Runtime } from '../../src/domain/runtime.ts'
import type { Sandbox } from '../../src/domain/sandbox.ts'

export const shell: Runtime = {
  name: 'shell',
  language: 'python',
  languageVersion: '0',
  aliases: [],
  interpreter: realpathSync('/bin/sh'),
  prefixes: [],
  flags: [],
  programDir: fileURLToPath(new URL('.', import.meta.url)),
  program: 'guest.sh',
}

export class ShellGuest {
  readonly sandbox: Sandbox
  /** Takes every line from now on; before, they wait for `hear`. */
  onLine: (line: string) => void
  channelEnded = false
  readonly #heard: string[] = []
  #waiting: ((line: string) => void) | null = null
  #rest = ''

  constructor(sandbox: Sandbox) {
    this.sandbox = sandbox
    this.onLine = (line) => {
      const waiting = this.#waiting
      this.#waiting = null
      if (waiting === null) this.#heard.push(line)
      else waiting(line)
    }
    sandbox.channel.on('data', (chunk: Buffer) => {
      const lines = (this.#rest + chunk).split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) this.onLine(line)
    })
    sandbox.channel.on('error', () => {})
    for (const last of ['end', 'close']) {
      sandbox.channel.on(last, () => {
        this.channelEnded = true
      })
    }
    sandbox.stdout.pause()
    sandbox.stderr.pause()
  }

  say(line: string): void {
    this.sandbox.channel.write(`${line}\n`)
  }

  hear(): Promise<string> {
    const line = this.#heard.shift()
    if (line !== undefined) return Promise.resolve(line)
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  /** What a command prints, on one line. */
  ask(command: string): Promise<string> {
    this.say(`echo $(${command}) >&3`)
    return this.hear()
  }
}
