import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RoutePattern, readRoute } from './route-pattern.ts'
import { RouteTable } from './route-table.ts'

const pattern = (text: string): RoutePattern => {
  const reading = readRoute(text)
  if ('fault' in reading) throw new Error(`${text} ${reading.fault}`)
  return reading
}

const table = (...routes: string[]): RouteTable<string> => {
  const made = new RouteTable<string>()
  for (const route of routes) made.set(pattern(route), route)
  return made
}

describe('a route pattern', () => {
  it.each(['/', '/a', '/a/{id}', '/a/{id}/b', '/{all+}', "/a.b/~c/!$&'()*+,;=:@"])('may be %s', (text) => {
    expect(readRoute(text)).toMatchObject({ text })
  })

  it.each([
    '',
    'a',
    '/a/',
    '//',
    '/a//b',
    '/a b',
    '/a/..',
    '/.',
    '/{}',
    '/{1a}',
    '/{a}{b}',
    '/{a+}/b',
    '/{a}/{a}',
    '/é',
    '/a%20b',
    '/a?b',
    '/a#b',
    '/\0',
    `/${'a'.repeat(300)}`,
  ])('may not be %j', (text) => {
    expect(readRoute(text)).toHaveProperty('fault')
  })

  it('has the same key as another that matches the same paths', () => {
    expect(pattern('/a/{id}/{rest+}').key).toBe(pattern('/a/{name}/{more+}').key)
    expect(pattern('/a/{id}').key).not.toBe(pattern('/a/{id+}').key)
  })
})

describe('a route table', () => {
  it.each([
    ['/', '/', []],
    ['/hello', '/hello', []],
    ['/hello/you', '/hello/{name}', ['name', 'you']],
    ['/hello/Ada%20L', '/hello/{name}', ['name', 'Ada%20L']],
    ['/hello/me', '/hello/me', []],
    ['/hello/m%65', '/hello/me', []],
    ['/hello/me/too', '/hello/{name}/too', ['name', 'me']],
    ['/files/a/b/c', '/files/{path+}', ['path', 'a/b/c']],
    ['/files/a//b/', '/files/{path+}', ['path', 'a//b/']],
    ['/files/a/raw', '/files/{one}/raw', ['one', 'a']],
  ])('finds the most specific pattern for %s', (path, value, parameters) => {
    const routes = table(
      '/',
      '/hello',
      '/hello/{name}',
      '/hello/me',
      '/hello/{name}/too',
      '/files/{path+}',
      '/files/{one}/raw',
    )
    expect(routes.match(path)).toEqual({ value, parameters })
  })

  it.each([
    '',
    'hello',
    '/hell',
    '/hello/',
    '/hello/a/b',
    '/hello//too',
    '//',
    '/files',
    '/files/',
    '/__proto__',
    '/%',
    '*',
  ])('finds nothing for %j', (path) => {
    expect(table('/hello', '/hello/{name}', '/hello/{name}/too', '/files/{path+}').match(path)).toBeNull()
  })

  it('forgets what is deleted and takes what replaces it', () => {
    const routes = table('/a/{x}', '/a')
    routes.set(pattern('/a/{y}'), 'replaced')
    expect(routes.match('/a/1')).toEqual({ value: 'replaced', parameters: ['y', '1'] })
    routes.delete(pattern('/a/{y}'))
    routes.delete(pattern('/a'))
    expect([routes.match('/a/1'), routes.match('/a')]).toEqual([null, null])
  })

  it('matches exactly what the pattern, read as a regular expression, matches', () => {
    const segment = fc.constantFrom('a', 'b', '{x}')
    const route = fc
      .tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(
        ([parts, rest]) =>
          `/${parts.map((part, index) => (part === '{x}' ? `{x${index}}` : part)).join('/')}${rest ? '/{rest+}' : ''}`,
      )
    const path = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 5 }).map((parts) => `/${parts.join('/')}`)
    fc.assert(
      fc.property(
        fc.uniqueArray(route, { maxLength: 6, selector: (text) => pattern(text).key }),
        path,
        (routes, asked) => {
          const matching = routes.filter((text) =>
            new RegExp(`^${text.replace(/\{\w+\+\}/, '.+').replace(/\{\w+\}/g, '[^/]+')}$`).test(asked),
          )
          const found = table(...routes).match(asked)
          expect(found !== null).toBe(matching.length > 0)
          if (found !== null) expect(matching).toContain(found.value)
        },
      ),
    )
  })
})
