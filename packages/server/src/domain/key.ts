import type { Scope } from '@hearth/protocol'

/** A key as stored: never the key itself, only the SHA-256 of it. */
export interface KeyRecord {
  readonly id: string
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly digest: Uint8Array
  readonly createdAtMs: number
  readonly expiresAtMs: number | null
  readonly lastUsedAtMs: number | null
}
