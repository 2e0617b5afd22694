// Whether the process lives, and whether it takes calls. The only answers about itself that need no key.

import { HearthError } from '../domain/hearth-error.ts'
import type { Api } from './api.ts'
import { ErrorBodySchema, HealthSchema } from './schemas.ts'

export function addHealthRoutes(api: Api, { isReady }: { readonly isReady: () => boolean }): void {
  const tags = ['health']

  api.get(
    '/healthz',
    {
      config: { scope: 'open' },
      schema: { tags, security: [], summary: 'The process lives', response: { 200: HealthSchema } },
    },
    async () => ({ status: 'ok' }),
  )

  api.get(
    '/readyz',
    {
      config: { scope: 'open' },
      schema: {
        tags,
        security: [],
        summary: 'Calls are taken',
        response: { 200: HealthSchema, '5xx': ErrorBodySchema },
      },
    },
    async () => {
      if (!isReady()) throw new HearthError('draining', 'No calls are taken now.')
      return { status: 'ready' }
    },
  )
}
