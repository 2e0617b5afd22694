import type { Kysely } from 'kysely'
import type { SettingStore } from '../../domain/store.ts'
import type { Tables } from '../tables.ts'
import { fromFreeText, toFreeText } from './free-text.ts'

export class SettingRepository implements SettingStore {
  readonly #db: Kysely<Tables>

  constructor(db: Kysely<Tables>) {
    this.#db = db
  }

  async get(name: string): Promise<string | null> {
    const row = await this.#db.selectFrom('settings').select('value').where('name', '=', name).executeTakeFirst()
    return row === undefined ? null : fromFreeText(row.value)
  }

  async put(name: string, text: string): Promise<void> {
    const value = toFreeText(text)
    await this.#db
      .insertInto('settings')
      .values({ name, value })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
      .execute()
  }
}
