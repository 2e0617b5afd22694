// The real place around the command line: this process's arguments, environment, streams and home folder.

import { homedir } from 'node:os'
import { runCli } from './run-cli.ts'
import { readStdin } from './stdin.ts'

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  homeDir: homedir(),
  stdin: readStdin,
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  colours: process.stderr.isTTY === true && !process.env.NO_COLOR,
})
