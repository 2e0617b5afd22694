import type { CreateTableBuilder, Kysely, RawBuilder } from 'kysely'

/** CREATE TABLE with what the dialect wants after the closing parenthesis. */
export function createTable(
  db: Kysely<unknown>,
  name: string,
  options: RawBuilder<unknown> | null,
): CreateTableBuilder<string> {
  const table = db.schema.createTable(name)
  return options === null ? table : table.modifyEnd(options)
}
