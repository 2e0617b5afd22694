// What happened: invocations, newest first, and one of them with what it printed.

import { LIMITS } from '@hearth/protocol'
import { type FunctionCatalog, functionNotFound } from '../catalog/function-catalog.ts'
import { makeCursor, readCursor } from '../catalog/listing.ts'
import { HearthError } from '../domain/hearth-error.ts'
import type { InvocationStore } from '../domain/store.ts'
import type { Api } from './api.ts'
import {
  ErrorBodySchema,
  IdParams,
  InvocationQuerySchema,
  InvocationViewSchema,
  InvocationWithLogsSchema,
  pageOf,
} from './schemas.ts'
import { invocationView, invocationWithLogs } from './views.ts'

export interface InvocationRoutesParts {
  readonly functions: Pick<FunctionCatalog, 'byIdOrName'>
  readonly invocations: Pick<InvocationStore, 'find' | 'list'>
}

export function addInvocationRoutes(api: Api, { functions, invocations }: InvocationRoutesParts): void {
  const tags = ['invocations']

  api.get(
    '/functions/:id/invocations',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'Invocations of a function, newest first',
        params: IdParams,
        querystring: InvocationQuerySchema,
        response: { 200: pageOf(InvocationViewSchema), '4xx': ErrorBodySchema },
      },
    },
    async (request) => {
      const record = functions.byIdOrName(request.params.id)
      if (record === null) throw functionNotFound(request.params.id)
      const { limit = LIMITS.pageSizeDefault, cursor, outcome } = request.query
      const found = await invocations.list({
        functionId: record.id,
        limit: limit + 1,
        ...(cursor === undefined ? {} : { before: readCursor(cursor) }),
        ...(outcome === undefined ? {} : { outcome }),
      })
      const items = found.slice(0, limit)
      const last = items.at(-1)
      return {
        items: items.map(invocationView),
        next: last !== undefined && found.length > limit ? makeCursor(last.requestId) : null,
      }
    },
  )

  api.get(
    '/invocations/:id',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'One invocation with its logs, by request id',
        params: IdParams,
        response: { 200: InvocationWithLogsSchema, '4xx': ErrorBodySchema },
      },
    },
    async (request) => {
      const record = await invocations.find(request.params.id)
      if (record === null) throw new HearthError('invocation_not_found', 'No invocation is kept under this id.')
      return invocationWithLogs(record)
    },
  )
}
