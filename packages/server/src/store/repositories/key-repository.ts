import type { Scope } from '@hearth/protocol'
import type { Insertable, Kysely, Selectable } from 'kysely'
import { HearthError } from '../../domain/hearth-error.ts'
import type { KeyRecord } from '../../domain/key.ts'
import type { KeyStore } from '../../domain/store.ts'
import type { KeysTable, Tables } from '../tables.ts'
import { fromFreeText, toFreeText } from './free-text.ts'

export class KeyRepository implements KeyStore {
  readonly #db: Kysely<Tables>

  constructor(db: Kysely<Tables>) {
    this.#db = db
  }

  async insert(record: KeyRecord): Promise<void> {
    await this.#db.insertInto('keys').values(rowOf(record)).execute()
  }

  async put(record: KeyRecord): Promise<void> {
    const { id, ...rest } = rowOf(record)
    await this.#db
      .insertInto('keys')
      .values({ id, ...rest })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(rest))
      .execute()
  }

  async remove(id: string): Promise<void> {
    const { numDeletedRows } = await this.#db.deleteFrom('keys').where('id', '=', id).executeTakeFirst()
    if (numDeletedRows === 0n) throw new HearthError('key_not_found', `No key has the id ${id}.`)
  }

  async all(): Promise<KeyRecord[]> {
    const rows = await this.#db.selectFrom('keys').selectAll().orderBy('id').execute()
    return rows.map(recordOf)
  }

  async touch(lastUsed: ReadonlyMap<string, number>): Promise<void> {
    if (lastUsed.size === 0) return
    await this.#db.transaction().execute(async (transaction) => {
      for (const [id, last_used_at_ms] of lastUsed) {
        await transaction.updateTable('keys').set({ last_used_at_ms }).where('id', '=', id).execute()
      }
    })
  }
}

const rowOf = (record: KeyRecord): Insertable<KeysTable> => ({
  id: record.id,
  name: toFreeText(record.name),
  scopes: JSON.stringify(record.scopes),
  digest: record.digest,
  created_at_ms: record.createdAtMs,
  expires_at_ms: record.expiresAtMs,
  last_used_at_ms: record.lastUsedAtMs,
})

const recordOf = (row: Selectable<KeysTable>): KeyRecord => ({
  id: row.id,
  name: fromFreeText(row.name),
  scopes: JSON.parse(row.scopes) as Scope[],
  digest: row.digest,
  createdAtMs: row.created_at_ms,
  expiresAtMs: row.expires_at_ms,
  lastUsedAtMs: row.last_used_at_ms,
})
