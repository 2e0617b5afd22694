// What the databases call the same thing by different names: all that migrations need to know about the one they run on.

import type { ColumnDataType, RawBuilder } from 'kysely'

export interface DialectTraits {
  /** Whole numbers to 2^53: milliseconds since 1970, sizes. */
  readonly integer: ColumnDataType
  readonly real: ColumnDataType
  readonly bytes: ColumnDataType
  /** Appended to CREATE TABLE; `keyOrder` where the rows should lie in the order of the primary key. */
  readonly tableOptions: RawBuilder<unknown> | null
  readonly keyOrderOptions: RawBuilder<unknown> | null
}
