// What a database says about a write it refused, in words that are the same for every database.

/** A row with this value exists already. `column` is `table.column`. */
export class UniqueViolation extends Error {
  override readonly name = 'UniqueViolation'
  readonly column: string

  constructor(column: string, options: { cause: unknown }) {
    super(`another row has the same ${column}`, options)
    this.column = column
  }
}
