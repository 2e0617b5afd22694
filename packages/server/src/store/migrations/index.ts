// Every schema change since the first release, oldest first. Forward only: a released one is never edited or removed.

import type { Migration } from 'kysely'
import type { DialectTraits } from '../dialect-traits.ts'
import { functionsAndKeys } from './0001-functions-and-keys.ts'
import { invocations } from './0002-invocations.ts'

export const migrationsFor = (traits: DialectTraits): Record<string, Migration> => ({
  '0001-functions-and-keys': functionsAndKeys(traits),
  '0002-invocations': invocations(traits),
})
