import type { Command } from 'commander'
import type { ApiClient } from '../api-client.ts'
import type { Place } from '../place.ts'
import type { Terminal } from '../terminal.ts'

/** What commands share. Each is asked for with the command that runs, because the global flags hang on it. */
export interface Context {
  readonly place: Place
  terminal(command: Command): Terminal
  client(command: Command): ApiClient
  globals(command: Command): { readonly json?: boolean; readonly endpoint?: string }
  exitWith(code: number): void
}
