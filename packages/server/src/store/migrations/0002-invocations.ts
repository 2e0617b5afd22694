import { type Kysely, type Migration, sql } from 'kysely'
import type { DialectTraits } from '../dialect-traits.ts'
import { createTable } from './create-table.ts'

export const invocations = (traits: DialectTraits): Migration => ({
  async up(db: Kysely<unknown>) {
    // No foreign keys: the record of a call outlives its function, and appending stays cheap.
    await createTable(db, 'invocations', traits.keyOrderOptions)
      .addColumn('request_id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('function_id', 'text', (column) => column.notNull())
      .addColumn('outcome', 'text', (column) => column.notNull())
      .addColumn('received_at_ms', traits.integer, (column) => column.notNull())
      .addColumn('facts', 'text', (column) => column.notNull())
      .execute()

    await db.schema
      .createIndex('invocations_by_function')
      .on('invocations')
      .columns(['function_id', 'request_id'])
      .execute()

    // Failures are rare and looked for; answers are common and found by walking. So only failures pay for an index.
    await db.schema
      .createIndex('invocations_failed')
      .on('invocations')
      .columns(['outcome', 'request_id'])
      .where(sql.ref('outcome'), '<>', sql.lit('ok'))
      .execute()

    await createTable(db, 'invocation_logs', traits.tableOptions)
      .addColumn('request_id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('stored_bytes', traits.integer, (column) => column.notNull())
      .addColumn('dropped_bytes', traits.integer, (column) => column.notNull())
      .addColumn('lines', traits.bytes, (column) => column.notNull())
      .execute()
  },
})
