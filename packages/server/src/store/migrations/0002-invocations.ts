import { type Kysely, type Migration, sql } from 'kysely'
import type { DialectTraits } from '../dialect-traits.ts'
import { createTable } from './create-table.ts'

export const invocations = (traits: DialectTraits): Migration => ({
  async up(db: Kysely<unknown>) {
    // No foreign keys: the record of a call outlives its function, and appending stays cheap.
    await createTable(db, 'invocations', traits.keyOrderOptions)
      .addColumn('request_id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('function_id', 'text', (column) => column.notNull())
      .addColumn('function_name', 'text', (column) => column.notNull())
      .addColumn('version_number', traits.integer, (column) => column.notNull())
      .addColumn('trigger', 'text', (column) => column.notNull())
      .addColumn('runtime', 'text', (column) => column.notNull())
      .addColumn('language', 'text', (column) => column.notNull())
      .addColumn('isolation', 'text', (column) => column.notNull())
      .addColumn('start', 'text', (column) => column.notNull())
      .addColumn('sandbox_id', 'text', (column) => column.notNull())
      .addColumn('outcome', 'text', (column) => column.notNull())
      .addColumn('error_type', 'text')
      .addColumn('error_message', 'text')
      .addColumn('received_at_ms', traits.integer, (column) => column.notNull())
      .addColumn('queue_ms', traits.real, (column) => column.notNull())
      .addColumn('init_ms', traits.real, (column) => column.notNull())
      .addColumn('run_ms', traits.real, (column) => column.notNull())
      .addColumn('total_ms', traits.real, (column) => column.notNull())
      .addColumn('billed_ms', traits.real, (column) => column.notNull())
      .addColumn('memory_mb', traits.integer, (column) => column.notNull())
      .addColumn('memory_used_bytes', traits.integer)
      .addColumn('cpu_ms', traits.real)
      .addColumn('event_bytes', traits.integer, (column) => column.notNull())
      .addColumn('answer_bytes', traits.integer, (column) => column.notNull())
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
