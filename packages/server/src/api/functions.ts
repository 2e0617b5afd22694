// /functions: what there is to call.

import { type FunctionView, LIMITS } from '@hearth/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type FunctionCatalog, functionNotFound } from '../catalog/function-catalog.ts'
import type { FunctionRecord } from '../domain/function.ts'
import { allows } from '../http/doorkeeper.ts'
import type { Api } from './api.ts'
import {
  ErrorBodySchema,
  FunctionChangeSchema,
  FunctionInputSchema,
  FunctionViewSchema,
  IdParams,
  PageQuery,
  pageOf,
} from './schemas.ts'
import { functionView } from './views.ts'

export interface FunctionRoutesParts {
  readonly functions: FunctionCatalog
  /** Where functions with a route answer, such as `http://127.0.0.1:4748`. */
  readonly functionsUrl: () => string
  /** Takes a request on the invoke path; false when it is none. */
  readonly takeCall: TakeCall
}
export type TakeCall = (request: FastifyRequest['raw'], response: FastifyReply['raw']) => boolean

const tags = ['functions']
const deploys = { scope: 'admin', bodyBytes: LIMITS.deployBodyBytes, takesZip: true } as const

export function addFunctionRoutes(api: Api, { functions, functionsUrl, takeCall }: FunctionRoutesParts): void {
  const view = (record: FunctionRecord, request: FastifyRequest, showsCode = true): FunctionView => {
    const showsEnv = request.principal !== null && allows(request.principal, 'admin')
    return functionView(record, functionsUrl(), { showsEnv, showsCode })
  }

  api.post(
    '/functions',
    {
      config: deploys,
      schema: {
        tags,
        summary: 'Create a function',
        body: FunctionInputSchema,
        response: { 201: FunctionViewSchema, '4xx': ErrorBodySchema },
      },
    },
    async (request, reply) => {
      const record = await functions.create(request.zip === null ? request.body : configIn(request), request.zip)
      reply.code(201).header('location', `/functions/${record.id}`)
      return view(record, request)
    },
  )

  api.get(
    '/functions',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'List functions, oldest first',
        querystring: PageQuery,
        response: { 200: pageOf(FunctionViewSchema), '4xx': ErrorBodySchema },
      },
    },
    async (request) => {
      const { limit = LIMITS.pageSizeDefault, cursor = null } = request.query
      const { items, next } = functions.list(limit, cursor)
      return { items: items.map((record) => view(record, request, false)), next }
    },
  )

  api.get(
    '/functions/:id',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'One function, by id or name',
        params: IdParams,
        response: { 200: FunctionViewSchema, '4xx': ErrorBodySchema },
      },
    },
    async (request) => {
      const record = functions.byIdOrName(request.params.id)
      if (record === null) throw functionNotFound(request.params.id)
      return view(record, request)
    },
  )

  for (const method of ['PUT', 'PATCH'] as const) {
    api.route({
      method,
      url: '/functions/:id',
      config: deploys,
      schema: {
        tags,
        summary: 'Change what is given and keep the rest',
        params: IdParams,
        body: FunctionChangeSchema,
        response: { 200: FunctionViewSchema, '4xx': ErrorBodySchema },
      },
      handler: async (request) => {
        const input = request.zip === null ? request.body : configIn(request)
        return view(await functions.update(request.params.id, input, request.zip), request)
      },
    })
  }

  api.delete(
    '/functions/:id',
    {
      config: { scope: 'admin' },
      schema: {
        tags,
        summary: 'Remove a function; its invocations stay on record',
        params: IdParams,
        response: { 204: Type.Null(), '4xx': ErrorBodySchema },
      },
    },
    async (request, reply) => {
      await functions.remove(request.params.id)
      return reply.code(204).send(null)
    },
  )

  // Served before the framework sees it; here for the documentation, and for odd spellings of the same path.
  api.post(
    '/functions/:id/invoke',
    {
      config: { scope: 'invoke' },
      schema: {
        tags,
        summary: 'Call a function: event in, answer out',
        description:
          'The body is the event, JSON. Headers of the answer say how it went; a function that fails is a 200.',
        params: IdParams,
        response: { 200: Type.Unknown(), '4xx': ErrorBodySchema, '5xx': ErrorBodySchema },
      },
    },
    async (request, reply) => {
      if (!takeCall(request.raw, reply.raw)) throw functionNotFound(request.params.id)
      reply.hijack()
    },
  )
}

/** The query's texts as the JSON they stand for; the catalog judges them. */
function configIn(request: FastifyRequest): Record<string, unknown> {
  const given = Object.entries(request.query as Record<string, unknown>)
  return Object.fromEntries(
    given.map(([name, value]) => [
      name,
      ['timeout', 'memory'].includes(name) && typeof value === 'string' && /^\d{1,9}$/.test(value)
        ? Number(value)
        : value,
    ]),
  )
}
