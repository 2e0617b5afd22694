import type { Kysely, Migration } from 'kysely'
import type { DialectTraits } from '../dialect-traits.ts'
import { createTable } from './create-table.ts'

export const functionsAndKeys = (traits: DialectTraits): Migration => ({
  async up(db: Kysely<unknown>) {
    await createTable(db, 'functions', traits.tableOptions)
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('name', 'text', (column) => column.notNull().unique())
      .addColumn('description', 'text', (column) => column.notNull())
      .addColumn('route', 'text', (column) => column.unique())
      .addColumn('access', 'text', (column) => column.notNull())
      .addColumn('created_at_ms', traits.integer, (column) => column.notNull())
      .addColumn('updated_at_ms', traits.integer, (column) => column.notNull())
      // No foreign key: functions and versions point at each other, and only this side is ever written together.
      .addColumn('latest_version_id', 'text', (column) => column.notNull())
      .execute()

    await createTable(db, 'versions', traits.tableOptions)
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('function_id', 'text', (column) => column.notNull().references('functions.id').onDelete('cascade'))
      .addColumn('number', traits.integer, (column) => column.notNull())
      .addColumn('runtime', 'text', (column) => column.notNull())
      .addColumn('language', 'text', (column) => column.notNull())
      .addColumn('handler', 'text', (column) => column.notNull())
      .addColumn('timeout_seconds', traits.real, (column) => column.notNull())
      .addColumn('memory_mb', traits.integer, (column) => column.notNull())
      .addColumn('env', 'text', (column) => column.notNull())
      .addColumn('isolation', 'text', (column) => column.notNull())
      .addColumn('network', 'text', (column) => column.notNull())
      .addColumn('code_sha256', 'text', (column) => column.notNull())
      .addColumn('code_bytes', traits.integer, (column) => column.notNull())
      .addColumn('code_inline', 'text')
      .addColumn('created_at_ms', traits.integer, (column) => column.notNull())
      .addUniqueConstraint('versions_by_number', ['function_id', 'number'])
      .execute()

    await createTable(db, 'keys', traits.tableOptions)
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('scopes', 'text', (column) => column.notNull())
      .addColumn('digest', traits.bytes, (column) => column.notNull())
      .addColumn('created_at_ms', traits.integer, (column) => column.notNull())
      .addColumn('expires_at_ms', traits.integer)
      .addColumn('last_used_at_ms', traits.integer)
      .execute()

    await createTable(db, 'settings', traits.tableOptions)
      .addColumn('name', 'text', (column) => column.primaryKey().notNull())
      .addColumn('value', 'text', (column) => column.notNull())
      .execute()
  },
})
