// Functions and their versions. A version's row is written once; a function's row says which version is the latest.

import type { Access, Isolation, Language, Network } from '@hearth/protocol'
import type { Insertable, Kysely, Selectable, Transaction } from 'kysely'
import type { FunctionRecord, Version } from '../../domain/function.ts'
import { HearthError } from '../../domain/hearth-error.ts'
import type { FunctionStore } from '../../domain/store.ts'
import { UniqueViolation } from '../fault.ts'
import type { FunctionsTable, Tables, VersionsTable } from '../tables.ts'
import { fromFreeText, fromFreeTextOrNull, toFreeText, toFreeTextOrNull } from './free-text.ts'

export class FunctionRepository implements FunctionStore {
  readonly #db: Kysely<Tables>

  constructor(db: Kysely<Tables>) {
    this.#db = db
  }

  async insert(record: FunctionRecord): Promise<void> {
    await this.#change(record, async (transaction) => {
      await transaction.insertInto('functions').values(functionRow(record)).execute()
      await keepVersion(transaction, record.latest)
    })
  }

  async update(record: FunctionRecord): Promise<void> {
    await this.#change(record, async (transaction) => {
      const { id, created_at_ms, ...changes } = functionRow(record)
      const { numUpdatedRows } = await transaction
        .updateTable('functions')
        .set(changes)
        .where('id', '=', id)
        .executeTakeFirst()
      if (numUpdatedRows === 0n) throw functionNotFound(id)
      await keepVersion(transaction, record.latest)
    })
  }

  async remove(id: string): Promise<void> {
    const { numDeletedRows } = await this.#db.deleteFrom('functions').where('id', '=', id).executeTakeFirst()
    if (numDeletedRows === 0n) throw functionNotFound(id)
  }

  async all(): Promise<FunctionRecord[]> {
    const rows = await this.#db
      .selectFrom('functions')
      .innerJoin('versions', 'versions.id', 'functions.latest_version_id')
      .selectAll('versions')
      .select([
        'functions.id as function_id',
        'functions.name',
        'functions.description',
        'functions.route',
        'functions.access',
        'functions.created_at_ms as function_created_at_ms',
        'functions.updated_at_ms',
      ])
      .orderBy('functions.id')
      .execute()
    return rows.map((row) => ({
      id: row.function_id,
      name: row.name,
      description: fromFreeText(row.description),
      route: row.route,
      access: row.access as Access,
      createdAtMs: row.function_created_at_ms,
      updatedAtMs: row.updated_at_ms,
      latest: versionOf(row, row.name),
    }))
  }

  async codeInUse(): Promise<Set<string>> {
    const rows = await this.#db
      .selectFrom('functions')
      .innerJoin('versions', 'versions.id', 'functions.latest_version_id')
      .select('versions.code_sha256')
      .distinct()
      .execute()
    return new Set(rows.map(({ code_sha256 }) => code_sha256))
  }

  async #change(record: FunctionRecord, work: (transaction: Transaction<Tables>) => Promise<void>): Promise<void> {
    try {
      await this.#db.transaction().execute(work)
    } catch (fault) {
      throw inCallersWords(fault, record)
    }
  }
}

async function keepVersion(transaction: Transaction<Tables>, version: Version): Promise<void> {
  await transaction
    .insertInto('versions')
    .values(versionRow(version))
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

const functionNotFound = (id: string): HearthError =>
  new HearthError('function_not_found', `No function has the id ${id}.`)

function inCallersWords(fault: unknown, { name, route }: FunctionRecord): unknown {
  if (!(fault instanceof UniqueViolation)) return fault
  if (fault.column === 'functions.name')
    return new HearthError('name_taken', `Another function has the name ${name}.`, { cause: fault })
  if (fault.column === 'functions.route')
    return new HearthError('route_taken', `Another function has the route ${route}.`, { cause: fault })
  return fault
}

const functionRow = (record: FunctionRecord): Insertable<FunctionsTable> => ({
  id: record.id,
  name: record.name,
  description: toFreeText(record.description),
  route: record.route,
  access: record.access,
  created_at_ms: record.createdAtMs,
  updated_at_ms: record.updatedAtMs,
  latest_version_id: record.latest.id,
})

const versionRow = ({ id, functionId, number, config, createdAtMs }: Version): Insertable<VersionsTable> => ({
  id,
  function_id: functionId,
  number,
  runtime: config.runtime,
  language: config.language,
  handler: toFreeText(config.handler),
  timeout_seconds: config.timeoutSeconds,
  memory_mb: config.memoryMb,
  env: JSON.stringify(config.env),
  isolation: config.isolation,
  network: config.network,
  code_sha256: config.code.sha256,
  code_bytes: config.code.bytes,
  code_inline: toFreeTextOrNull(config.code.inline),
  created_at_ms: createdAtMs,
})

const versionOf = (row: Selectable<VersionsTable>, functionName: string): Version => ({
  id: row.id,
  functionId: row.function_id,
  functionName,
  number: row.number,
  config: {
    runtime: row.runtime,
    language: row.language as Language,
    handler: fromFreeText(row.handler),
    timeoutSeconds: row.timeout_seconds,
    memoryMb: row.memory_mb,
    env: JSON.parse(row.env),
    isolation: row.isolation as Isolation | 'auto',
    network: row.network as Network,
    code: { sha256: row.code_sha256, bytes: row.code_bytes, inline: fromFreeTextOrNull(row.code_inline) },
  },
  createdAtMs: row.created_at_ms,
})
