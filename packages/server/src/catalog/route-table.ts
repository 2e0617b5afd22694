// Finds what answers on a path. The most specific pattern wins, decided segment by segment from the left: literal
// before parameter before rest.

import type { RoutePattern } from './route-pattern.ts'

export interface RouteMatch<T> {
  readonly value: T
  /** name, value, name, value; values percent-encoded as they came. */
  readonly parameters: readonly string[]
}

interface Leaf<T> {
  readonly match: RouteMatch<T>
  readonly names: readonly string[]
}

interface Node<T> {
  readonly literals: Map<string, Node<T>>
  parameter: Node<T> | null
  leaf: Leaf<T> | null
  rest: Leaf<T> | null
}

const newNode = <T>(): Node<T> => ({ literals: new Map(), parameter: null, leaf: null, rest: null })
const noParameters: readonly string[] = []

export class RouteTable<T> {
  /** Patterns without parameters, by their whole path: most routes, found without taking the path apart. */
  readonly #plain = new Map<string, RouteMatch<T>>()
  readonly #root = newNode<T>()

  /** Puts `value` behind `pattern`, in place of what was there. */
  set(pattern: RoutePattern, value: T): void {
    const match: RouteMatch<T> = { value, parameters: noParameters }
    const names = pattern.segments.flatMap((segment) => (segment.kind === 'literal' ? [] : [segment.name]))
    if (names.length === 0) this.#plain.set(pattern.text, match)
    this.#place(pattern, { match, names })
  }

  delete(pattern: RoutePattern): void {
    this.#plain.delete(pattern.text)
    // Emptied nodes stay: they match nothing, and a route that goes is usually one that comes back.
    this.#place(pattern, null)
  }

  /** `path` as it came in the request, without the query. */
  match(path: string): RouteMatch<T> | null {
    const plain = this.#plain.get(path)
    if (plain !== undefined) return plain
    if (path.charCodeAt(0) !== slash) return null
    const values: string[] = []
    const leaf = find(this.#root, path, 1, values)
    if (leaf === null) return null
    if (leaf.names.length === 0) return leaf.match
    const parameters: string[] = []
    for (const [index, name] of leaf.names.entries()) parameters.push(name, values[index] ?? '')
    return { value: leaf.match.value, parameters }
  }

  #place(pattern: RoutePattern, leaf: Leaf<T> | null): void {
    let node = this.#root
    for (const segment of pattern.segments) {
      if (segment.kind === 'rest') {
        node.rest = leaf
        return
      }
      if (segment.kind === 'parameter') {
        node.parameter ??= newNode()
        node = node.parameter
      } else {
        const next = node.literals.get(segment.text) ?? newNode<T>()
        node.literals.set(segment.text, next)
        node = next
      }
    }
    node.leaf = leaf
  }
}

const slash = '/'.charCodeAt(0)

/** Each node of the tree stands for one depth of the path, so a search visits it once at most. */
function find<T>(node: Node<T>, path: string, from: number, values: string[]): Leaf<T> | null {
  if (from > path.length || (from === path.length && from === 1)) return node.leaf
  const slashAt = path.indexOf('/', from)
  const to = slashAt < 0 ? path.length : slashAt
  const segment = path.slice(from, to)
  const literal = node.literals.get(segment.includes('%') ? decoded(segment) : segment)
  if (literal !== undefined) {
    const found = find(literal, path, to + 1, values)
    if (found !== null) return found
  }
  if (node.parameter !== null && segment !== '') {
    values.push(segment)
    const found = find(node.parameter, path, to + 1, values)
    if (found !== null) return found
    values.pop()
  }
  if (node.rest !== null && from < path.length) {
    values.push(path.slice(from))
    return node.rest
  }
  return null
}

/** What is not properly encoded equals no literal. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return ''
  }
}
