// What this machine offers: kinds of isolation and runtimes.

import type { DriverView, RuntimeView } from '@hearth/protocol'
import { Type } from 'typebox'
import type { Api } from './api.ts'
import { DriverViewSchema, ErrorBodySchema, RuntimeViewSchema } from './schemas.ts'

export interface MachineRoutesParts {
  readonly drivers: () => DriverView[]
  readonly runtimes: () => RuntimeView[]
}

export function addMachineRoutes(api: Api, { drivers, runtimes }: MachineRoutesParts): void {
  const tags = ['machine']
  const items = <T extends Type.TSchema>(schema: T) => Type.Object({ items: Type.Array(schema), next: Type.Null() })

  api.get(
    '/drivers',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'What each kind of isolation can do here, or why not',
        response: { 200: items(DriverViewSchema), '4xx': ErrorBodySchema },
      },
    },
    async () => ({ items: drivers(), next: null }),
  )

  api.get(
    '/runtimes',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'Interpreters found on this machine',
        response: { 200: items(RuntimeViewSchema), '4xx': ErrorBodySchema },
      },
    },
    async () => ({ items: runtimes(), next: null }),
  )
}
