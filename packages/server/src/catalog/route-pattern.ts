// The path a function answers on: literal segments, `{name}` for one segment, `{rest+}` for everything that follows.

import { LIMITS } from '@hearth/protocol'

export type RouteSegment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'rest'; readonly name: string }

export interface RoutePattern {
  readonly text: string
  readonly segments: readonly RouteSegment[]
  /** Two patterns that match the same paths have the same key, whatever they call their parameters. */
  readonly key: string
}

export type RouteReading = RoutePattern | { readonly fault: string }

const parameter = /^\{([A-Za-z_][A-Za-z0-9_]{0,63})(\+?)\}$/
/** Characters a path segment has without being encoded. */
const literal = /^[A-Za-z0-9\-._~!$&'()*+,;=:@]+$/

export function readRoute(text: string): RouteReading {
  if (text.length > LIMITS.routeLength) return { fault: `is longer than ${LIMITS.routeLength} characters` }
  if (!text.startsWith('/')) return { fault: 'must start with /' }
  const parts = text === '/' ? [] : text.slice(1).split('/')
  const segments: RouteSegment[] = []
  const names = new Set<string>()
  for (const [index, part] of parts.entries()) {
    if (part === '') return { fault: 'has an empty segment; it must not end in / or contain //' }
    if (part === '.' || part === '..') return { fault: 'must not contain the segments . and ..' }
    const [, name, plus] = parameter.exec(part) ?? []
    if (name === undefined) {
      if (!literal.test(part))
        return { fault: `has a segment "${part}" that is neither plain text nor {name} nor {name+}` }
      segments.push({ kind: 'literal', text: part })
      continue
    }
    if (names.has(name)) return { fault: `uses the parameter {${name}} twice` }
    names.add(name)
    if (plus === '+' && index < parts.length - 1) return { fault: `may have {${name}+} only at its end` }
    segments.push({ kind: plus === '+' ? 'rest' : 'parameter', name })
  }
  return { text, segments, key: `/${segments.map(keyOf).join('/')}` }
}

const keyOf = (segment: RouteSegment): string =>
  segment.kind === 'literal' ? segment.text : segment.kind === 'parameter' ? '{}' : '{+}'
