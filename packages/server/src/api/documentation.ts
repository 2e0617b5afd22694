// The API in OpenAPI, made from the routes themselves, and a page to read and try it. Both need no key: they are the same
// for every installation, and a page cannot send one before it is loaded.

import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { Type } from 'typebox'
import type { Api } from './api.ts'

/** Nothing from elsewhere, nothing inline, in nobody's frame. */
const contentSecurityPolicy = [
  "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  "img-src 'self' data:; script-src 'self'; style-src 'self'",
].join('; ')

/** Before the routes, which it listens to. */
export async function addDocumentation(api: Api, version: string): Promise<void> {
  await api.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Hearth', version, description: 'Run functions safely and fast.' },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }],
    },
  })
  await api.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: contentSecurityPolicy,
    // Else the page would ask a validator on the internet.
    uiConfig: { validatorUrl: null, persistAuthorization: false },
  })
  api.get(
    '/openapi.json',
    {
      config: { scope: 'open' },
      schema: { tags: ['documentation'], security: [], summary: 'This document', response: { 200: Type.Unknown() } },
    },
    async () => api.swagger(),
  )
}
