// Lines about what is being done, with the seconds since the start, on stderr: stdout belongs to results.

import { spawn } from 'node:child_process'

const heartbeatMs = 5_000

/** @param {string} text */
export function say(text) {
  const seconds = (performance.now() / 1_000).toFixed(1).padStart(6)
  process.stderr.write(`${seconds} s  ${text}\n`)
}

/** A command that ended badly. Its output is in the message. */
export class CommandFailed extends Error {
  /** @param {string} command @param {number | string | null} ending @param {string} output */
  constructor(command, ending, output) {
    super(`${command} ended with ${ending}\n${output.trimEnd()}`)
    this.output = output
  }
}

/**
 * Runs a command without a terminal and gives back what it printed. While it takes long, says so every few seconds.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, doing?: string }} [options]
 * @returns {Promise<string>}
 */
export function run(command, args, { cwd, env, doing } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] })
    const heartbeat = doing === undefined ? undefined : setInterval(() => say(`still ${doing}`), heartbeatMs)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => {
        output += chunk
      })
    }
    child.on('error', (error) => {
      clearInterval(heartbeat)
      reject(error)
    })
    child.on('close', (code, signal) => {
      clearInterval(heartbeat)
      if (code === 0) resolve(output)
      else reject(new CommandFailed([command, ...args].join(' '), code ?? signal, output))
    })
  })
}

/**
 * Runs a command on this terminal and gives back its exit code.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>}
 */
export function runShown(command, args, { cwd, env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}
