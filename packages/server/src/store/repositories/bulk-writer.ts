/** The quick way for many rows of one shape, beside the query builder. */
export interface BulkWriter {
  /** Runs every statement once for each of its rows, all in one transaction. Resolves after it is durable. */
  write(statements: readonly BulkStatement[]): Promise<void>
}

export interface BulkStatement {
  readonly sql: string
  /** Parameters of one execution each. */
  readonly rows: readonly (readonly unknown[])[]
}
