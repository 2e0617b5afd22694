// Says things: results on stdout, chatter on stderr. What came from a function is a stranger's text and is made harmless.

import type { Place } from './place.ts'

export interface TerminalOptions {
  readonly json: boolean
  readonly quiet: boolean
}

export class Terminal {
  readonly json: boolean
  readonly #quiet: boolean
  readonly #place: Place

  constructor(place: Place, { json, quiet }: TerminalOptions) {
    this.json = json
    this.#quiet = quiet
    this.#place = place
  }

  /** The answer to the command: `value` for programs, `text` for people. */
  result(value: unknown, text: () => string): void {
    this.print(this.json ? JSON.stringify(value, null, 2) : text())
  }

  /** A result that has one form only. */
  print(text: string): void {
    if (text !== '') this.#place.stdout(text.endsWith('\n') ? text : `${text}\n`)
  }

  /** What happened, for whoever looks on. */
  note(text: string): void {
    if (!this.#quiet) this.#place.stderr(`${text}\n`)
  }
}

/**
 * Control characters, among them the escapes that move a cursor, rename a window or answer on the user's behalf, become
 * visible `\u001b` forms: the same value where the text is JSON. Newlines and tabs stay. P-OUT-1.
 */
export function harmless(text: string): string {
  // Bidirectional overrides are no control characters, but reorder what a person reads.
  return text.replace(
    /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Columns as wide as their widest cell. Names and messages in it are made harmless. */
export function table(head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  const cells = [
    head,
    ...rows.map((row) => row.map((cell) => harmless(cell === null ? '-' : String(cell)).replace(/\s+/g, ' '))),
  ]
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Names and values, one pair a line. */
export function facts(pairs: Readonly<Record<string, string | number | null>>): string {
  const width = Math.max(...Object.keys(pairs).map((name) => name.length))
  return Object.entries(pairs)
    .map(([name, value]) => `${name.padEnd(width)}  ${value === null ? '-' : harmless(String(value))}`)
    .join('\n')
}
