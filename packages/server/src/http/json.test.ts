import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HearthError } from '../domain/hearth-error.ts'
import { isShallow, parseJson } from './json.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

function refusal(body: Uint8Array): string {
  try {
    parseJson(body)
  } catch (fault) {
    if (fault instanceof HearthError) return `${fault.code}: ${fault.message}`
  }
  return 'not refused'
}

describe('JSON from strangers', () => {
  it('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parseJson(bytes(JSON.stringify(value)))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it('keeps NUL and lone surrogates, and takes the last of a repeated key', () => {
    expect(parseJson(bytes('{"a":"\\u0000\\ud800","a":"\\u0000\\udc00"}'))).toEqual({ a: '\0\udc00' })
  })

  it('changes no prototype', () => {
    const value = parseJson(bytes('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'))
    expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect('polluted' in {}).toBe(false)
  })

  it('is refused when it is no UTF-8, no JSON or nested too deeply', () => {
    expect(refusal(Buffer.from([0x22, 0xc3, 0x28, 0x22]))).toBe('invalid_json: The body is not UTF-8.')
    expect(refusal(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toBe('invalid_json: The body is not UTF-8.')
    for (const text of ['', '{', '{"a":1,}', 'NaN', "{'a':1}", '1 2', '\u0000']) {
      expect(refusal(bytes(text))).toMatch(/^invalid_json: The body is not JSON/)
    }
    expect(parseJson(bytes(nested(128)))).toBeInstanceOf(Array)
    expect(refusal(bytes(nested(129)))).toMatch(/^invalid_json: .*128/)
    expect(refusal(bytes('[{"a":'.repeat(500_000)))).toMatch(/^invalid_json: .*128/)
  })

  it('is never quoted back', () => {
    expect(refusal(bytes('{"password":"hunter2"'))).not.toContain('hunter2')
    expect(refusal(bytes('{"password": hunter2}'))).not.toContain('hunter2')
  })

  it('counts as nested only what is outside of strings', () => {
    expect(isShallow(bytes('["[[[[", "\\"[[[", "\\\\"]'), 1)).toBe(true)
    expect(isShallow(bytes('["\\\\",[[]]]'), 2)).toBe(false)
    expect(isShallow(bytes('"never ends [[['), 0)).toBe(true)
  })
})
