// /keys: who may come in. A key is shown once, in the answer that makes it.

import { LIMITS } from '@hearth/protocol'
import { Type } from 'typebox'
import type { KeyCatalog } from '../catalog/key-catalog.ts'
import type { Api } from './api.ts'
import { ErrorBodySchema, IdParams, KeyInputSchema, KeyViewSchema } from './schemas.ts'
import { keyView } from './views.ts'

export function addKeyRoutes(api: Api, { keys }: { readonly keys: KeyCatalog }): void {
  const tags = ['keys']

  api.post(
    '/keys',
    {
      config: { scope: 'admin', bodyBytes: LIMITS.jsonBodyBytes },
      schema: {
        tags,
        summary: 'Make a key',
        body: KeyInputSchema,
        response: { 201: KeyViewSchema, '4xx': ErrorBodySchema },
      },
    },
    async (request, reply) => {
      const { record, key } = await keys.create(request.body)
      reply.code(201).header('location', `/keys/${record.id}`)
      return { ...keyView(record), key }
    },
  )

  api.get(
    '/keys',
    {
      config: { scope: 'admin' },
      schema: {
        tags,
        summary: 'List keys, without the keys themselves',
        response: { 200: Type.Object({ items: Type.Array(KeyViewSchema), next: Type.Null() }), '4xx': ErrorBodySchema },
      },
    },
    async () => ({ items: keys.list().map(keyView), next: null }),
  )

  api.delete(
    '/keys/:id',
    {
      config: { scope: 'admin' },
      schema: {
        tags,
        summary: 'Revoke a key at once',
        params: IdParams,
        response: { 204: Type.Null(), '4xx': ErrorBodySchema },
      },
    },
    async (request, reply) => {
      await keys.revoke(request.params.id)
      return reply.code(204).send(null)
    },
  )
}
