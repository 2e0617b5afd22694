// P-AUTH-1: every route times every kind of key. The routes come from the server itself, so a new one is covered from its
// first day, and one that does not say who may use it fails the start.

import type { KeyView, Scope } from '@hearth/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ControlPlane } from '../../test/control-plane.ts'
import { makeKey } from '../catalog/key-format.ts'

let plane: ControlPlane
const headersOf = new Map<string, Record<string, string>>()

beforeAll(async () => {
  plane = await ControlPlane.start()
  const make = async (name: string, scopes: Scope[]): Promise<KeyView> =>
    (await plane.call<KeyView>('POST', '/keys', { name, scopes })).body
  const bearer = (key: string | undefined) => ({ authorization: `Bearer ${key}` })
  for (const scope of ['admin', 'read', 'invoke'] as const)
    headersOf.set(scope, bearer((await make(scope, [scope])).key))
  const revoked = await make('revoked', ['admin'])
  await plane.call('DELETE', `/keys/${revoked.id}`)
  headersOf.set('revoked', bearer(revoked.key))
  headersOf.set('never issued', bearer(makeKey('0123456789ab')))
  headersOf.set('garbage', bearer('garbage'))
  headersOf.set('basic', { authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` })
  headersOf.set('none', { authorization: '' })
})
afterAll(() => plane.close())

/** Routes that need no key, and why each may. A new one has to be argued for here. */
const open = new Map([
  ['/healthz', 'liveness'],
  ['/readyz', 'readiness'],
  ['/openapi.json', 'the same document for every installation; see docs/decisions/open-documentation.md'],
])

describe('the route table', () => {
  it('opens nothing without a key but what is argued for', () => {
    const opened = plane.control.routes.filter(({ scope, url }) => scope === 'open' && !url.startsWith('/docs'))
    expect([...new Set(opened.map(({ url }) => url))].sort()).toEqual([...open.keys()].sort())
  })

  it('lets only admin keys change anything', () => {
    const weak = plane.control.routes.filter(
      ({ method, scope }) => !['GET', 'HEAD'].includes(method) && scope !== 'admin',
    )
    expect(weak.map(({ method, url, scope }) => `${method} ${url} ${scope}`).sort()).toEqual([
      'POST /functions/:id/invoke invoke',
      'POST /functions/execute invoke',
    ])
  })
})

it('holds for every route with every kind of key', async () => {
  const { routes } = plane.control
  expect(routes.length).toBeGreaterThan(20)
  const wrong: string[] = []
  for (const { method, url, scope } of routes.filter((route) => !route.url.startsWith('/docs'))) {
    const path = url.replaceAll(/:\w+/g, 'nobody')
    for (const [kind, headers] of headersOf) {
      const { status } = await plane.call(method, path, method === 'POST' || method === 'PUT' ? {} : undefined, headers)
      const expected =
        scope === 'open'
          ? status === 200
          : kind === 'admin' || kind === scope
            ? ![401, 403, 429].includes(status) && status < 500
            : ['read', 'invoke'].includes(kind)
              ? status === 403
              : [401, 429].includes(status)
      if (!expected) wrong.push(`${method} ${path} with ${kind}: ${status}`)
    }
  }
  expect(wrong).toEqual([])
})

it('holds for paths that do not exist and methods that are not taken', async () => {
  for (const [method, path] of [
    ['GET', '/nothing'],
    ['POST', '/metrics'],
    ['OPTIONS', '/functions'],
  ] as const) {
    expect((await plane.call(method, path, undefined, { authorization: '' })).status).toBe(401)
  }
})
