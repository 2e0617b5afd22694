// Brings a database to this server's schema. Each step is one transaction together with the note that it was done, so
// a kill in the middle leaves whole steps only and the next start goes on from there.

import { type Kysely, type Migration, Migrator } from 'kysely'
import { HearthError } from '../domain/hearth-error.ts'

/** Resolves with the names of the steps taken. Refuses a database that a newer server has written. */
export async function migrate(db: Kysely<unknown>, migrations: Record<string, Migration>): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  await refuseNewer(db, migrations)
  const taken: string[] = []
  for (;;) {
    const { error, results = [] } = await migrator.migrateUp()
    if (error !== undefined) throw error
    if (results.length === 0) return taken
    taken.push(...results.map(({ migrationName }) => migrationName))
  }
}

async function refuseNewer(db: Kysely<unknown>, migrations: Record<string, Migration>): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === notesTable)) return
  const notes = await (db as Kysely<{ [notesTable]: { name: string } }>).selectFrom(notesTable).select('name').execute()
  const unknown = notes.filter(({ name }) => !Object.hasOwn(migrations, name)).map(({ name }) => name)
  if (unknown.length === 0) return
  throw new HearthError(
    'storage_unavailable',
    `The database was written by a newer Hearth (it has ${unknown.join(', ')}, which this one does not know). ` +
      'Start the newer version, or restore a backup made by this one.',
  )
}

/** Where Kysely keeps what was done. */
const notesTable = 'kysely_migration'
