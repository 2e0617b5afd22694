// What every resource of the native API shares: one fastify instance whose routes all say who may use them, bodies read
// with Hearth's own care, and faults told in one form.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { ErrorDetail, Scope } from '@hearth/protocol'
import fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify'
import { HearthError } from '../domain/hearth-error.ts'
import type { Log } from '../domain/log.ts'
import type { Doorkeeper, Principal } from '../http/doorkeeper.ts'
import { CallerLeft, errorAnswer, leavesConnectionUsable } from '../http/reply.ts'
import { validatorCompiler } from './query-validator.ts'
import { readRequestBody } from './request-body.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a key must allow; `open` needs none. A route without it is a mistake and fails the start. */
    scope?: Scope | 'open'
    /** Largest body the route reads, in bytes. */
    bodyBytes?: number
    /** Whether a zip archive may be the whole body. */
    takesZip?: boolean
  }
  interface FastifyRequest {
    principal: Principal | null
    /** The archive that came as the body; the configuration is then in the query. */
    zip: Buffer | null
  }
}

export interface ApiRoute {
  readonly method: string
  readonly url: string
  readonly scope: Scope | 'open'
}

export interface ApiParts {
  readonly doorkeeper: Doorkeeper
  readonly nextId: () => string
  readonly log: Log
}

export type Api = ReturnType<typeof newApi>['api']

/** An instance without routes, and the list that fills as routes are added. */
export function newApi({ doorkeeper, nextId, log }: ApiParts) {
  const routes: ApiRoute[] = []
  const answer = (fault: unknown, request: FastifyRequest, reply: FastifyReply): void =>
    sendFault(fault, request, reply, log)
  const api = fastify({
    genReqId: nextId,
    frameworkErrors: (fault, request, reply) => answer(fault, request as never, reply as never),
    schemaErrorFormatter: (faults, where) => {
      const details = new Map<string, ErrorDetail>()
      for (const { instancePath, message = 'is not valid' } of faults) {
        const path = instancePath.slice(1).replaceAll('/', '.') || where
        if (!details.has(path)) details.set(path, { path, message })
      }
      return new HearthError('invalid_request', `The ${where} has faults.`, { details: [...details.values()] })
    },
  }).withTypeProvider<TypeBoxTypeProvider>()

  api.decorateRequest('principal', null)
  api.decorateRequest('zip', null)
  // Bodies are read below, after the key and the query have been found good.
  api.removeAllContentTypeParsers()
  api.addContentTypeParser('*', (_request, _payload, done) => done(null))
  api.setValidatorCompiler(validatorCompiler)
  // Schemas describe answers to readers; what is sent is what the view holds.
  api.setSerializerCompiler(() => (data) => JSON.stringify(data))

  api.addHook('onRoute', (route) => {
    // The documentation's own files come from a plugin that knows nothing of scopes.
    if (route.url.startsWith('/docs')) route.config = { ...route.config, scope: 'open' }
    const scope = route.config?.scope
    if (scope === undefined) throw new Error(`the route ${route.method} ${route.url} does not say who may use it`)
    for (const method of [route.method].flat()) routes.push({ method, url: route.url, scope })
  })
  api.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'x-hearth-request-id': request.id,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
    const { scope } = request.routeOptions.config
    if (scope !== 'open') request.principal = doorkeeper.admit(request.raw, scope ?? null)
  })
  api.addHook('preValidation', async (request, reply) => {
    const { bodyBytes, takesZip = false } = request.routeOptions.config
    if (bodyBytes === undefined) return
    const body = await readRequestBody(request.raw, reply.raw, { bodyBytes, takesZip })
    if (body.kind === 'zip') request.zip = body.bytes
    else request.body = body.value
  })
  api.setErrorHandler((fault, request, reply) => answer(fault, request, reply))
  api.setNotFoundHandler((request, reply) => {
    const methods = methodsOf(routes, request.url)
    if (methods.length === 0)
      return answer(new HearthError('not_found', 'Nothing is known under this path.'), request, reply)
    reply.header('allow', methods.join(', '))
    answer(new HearthError('method_not_allowed', `This path takes ${methods.join(', ')}.`), request, reply)
  })
  return { api, routes }
}

function sendFault(fault: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  if (fault instanceof CallerLeft || reply.raw.destroyed) {
    reply.hijack()
    reply.raw.destroy()
    return
  }
  const told = asHearthError(fault)
  const { status, headers, body } = errorAnswer(told, request.id, log)
  for (let at = 0; at + 1 < headers.length; at += 2) reply.header(headers[at] ?? '', headers[at + 1])
  if (!leavesConnectionUsable(request.raw, told)) reply.header('connection', 'close')
  reply
    .code(status)
    .serializer((bytes: unknown) => bytes as string)
    .send(body)
}

/** The framework's own complaints, in Hearth's codes. */
function asHearthError(fault: unknown): unknown {
  if (fault instanceof HearthError) return fault
  const { code = '', statusCode = 500 } = fault as Partial<FastifyError>
  if (code.startsWith('FST_ERR_CTP')) return new HearthError('unsupported_media_type', 'The content type is not valid.')
  if (statusCode >= 400 && statusCode < 500)
    return new HearthError('invalid_request', 'The request cannot be understood.')
  return fault
}

/** Methods that some route takes on this path. */
function methodsOf(routes: readonly ApiRoute[], url: string): string[] {
  const path = url.split('?', 1)[0] ?? ''
  const fits = ({ url: pattern }: ApiRoute): boolean => {
    const theirs = pattern.split('/')
    const ours = path.split('/')
    return (
      theirs.length === ours.length &&
      theirs.every((part, at) => (part.startsWith(':') ? ours[at] !== '' : part === ours[at]))
    )
  }
  return [...new Set(routes.filter(fits).map(({ method }) => method))].sort()
}
