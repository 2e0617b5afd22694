// Text from strangers as the databases can keep it. SQLite's interface cuts a text at NUL, PostgreSQL refuses it, and
// both lose lone surrogates; a JSON string literal escapes all of them and stays readable in a database shell.

declare const freeText: unique symbol
export type FreeText = string & { readonly [freeText]: true }

export const toFreeText = (text: string): FreeText => JSON.stringify(text) as FreeText
export const fromFreeText = (stored: FreeText): string => JSON.parse(stored)

export const toFreeTextOrNull = (text: string | null): FreeText | null => (text === null ? null : toFreeText(text))
export const fromFreeTextOrNull = (stored: FreeText | null): string | null =>
  stored === null ? null : fromFreeText(stored)
