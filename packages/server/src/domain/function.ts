// The user's unit, and the immutable version of it that calls really run.

import type { Access, Isolation, Language, Network } from '@hearth/protocol'

/** Everything about a function that decides how a call runs. A change makes a new version. */
export interface FunctionConfig {
  readonly runtime: string
  readonly language: Language
  readonly handler: string
  readonly timeoutSeconds: number
  readonly memoryMb: number
  readonly env: Readonly<Record<string, string>>
  readonly isolation: Isolation | 'auto'
  readonly network: Network
  readonly code: CodeRef
}

/** A code package in the artifact store, named by the SHA-256 of what was uploaded. */
export interface CodeRef {
  readonly sha256: string
  readonly bytes: number
  /** Inline code is kept as text too, so that it can be shown and edited again. */
  readonly inline: string | null
}

/** Immutable. Instances are bound to one version for ever. */
export interface Version {
  readonly id: string
  readonly functionId: string
  readonly functionName: string
  readonly number: number
  readonly config: FunctionConfig
  readonly createdAtMs: number
}

/** A function as it stands: its name and doors, and the version that `$LATEST` means now. */
export interface FunctionRecord {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly route: string | null
  readonly access: Access
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly latest: Version
}
