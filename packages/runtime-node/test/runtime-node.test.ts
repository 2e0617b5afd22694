// What only the Node runtime promises.

import { ANSWER_STATUS, CALL_KIND, FRAME } from '@hearth/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { endAllGuests, Guest, nodeRuntime, requestId } from './harness.ts'
import { describeRuntime } from './runtime.contract.ts'

const withFunction = (fixture: string, handler = 'index.handler') =>
  Guest.withFunction(nodeRuntime, fixture, { handler })

describe('the Node runtime', () => {
  describeRuntime(nodeRuntime)
  afterEach(endAllGuests)

  describe('handlers', () => {
    it.each([
      ['commonjs', 'index.handler', {}],
      ['commonjs', 'index.nested.deep.handler', 'nested'],
      ['callback-style', 'index.plain', { plain: {} }],
      ['esm-in-js', 'index.handler', { loaded: 'yes' }],
      ['typed-package', 'src/index.handler', 'index.js'],
    ])('loads %s: %s', async (fixture, handler, answer) => {
      const guest = await withFunction(fixture, handler)
      expect(JSON.parse((await guest.call({})).text)).toEqual(answer)
    })

    it.each([
      ['handler', { got: {}, waited: true }],
      ['twice', 'first'],
      ['succeed', 'succeeded'],
      ['done', 'done'],
      ['nothing', null],
      ['plain', { plain: {} }],
      ['plainWithContext', { id: requestId.length }],
      ['waitsForLoop', { finished: true }],
      ['doesNotWait', 'at once'],
    ])('answers as the callback style does: %s', async (name, answer) => {
      const guest = await withFunction('callback-style', `index.${name}`)
      expect(JSON.parse((await guest.call({})).text)).toEqual(answer)
      // The process lives on for the next call.
      expect((await guest.call({})).status).toBe(ANSWER_STATUS.returned)
    })

    it.each([
      ['error', { errorType: 'TypeError', errorMessage: 'called back' }],
      ['textError', { errorType: 'string', errorMessage: 'just text', trace: [] }],
      ['fail', { errorType: 'Error', errorMessage: 'failed' }],
    ])('fails as the callback style does: %s', async (name, error) => {
      const guest = await withFunction('callback-style', `index.${name}`)
      const answer = await guest.call({})
      expect(answer.status).toBe(ANSWER_STATUS.failed)
      expect(JSON.parse(answer.text)).toMatchObject(error)
    })

    it('takes a plain value for the answer to positional arguments', async () => {
      const guest = await withFunction('arguments', 'index.add')
      expect((await guest.call([2, 3], { kind: CALL_KIND.arguments })).text).toBe('5')
    })
  })

  describe('what never comes', () => {
    it('notices a promise that nothing can settle, although the channel is open', async () => {
      const guest = await withFunction('never-settles')
      for (let round = 0; round < 2; round++) {
        const answer = await guest.call({})
        expect(answer.status).toBe(ANSWER_STATUS.failed)
        expect(JSON.parse(answer.text).errorType).toBe('Runtime.NodeJsExit')
      }
    })

    it('notices it while loading, too', async () => {
      const guest = Guest.start(nodeRuntime)
      guest.init('never-settles-in-init')
      const { payload } = await guest.frame(FRAME.initFailed)
      expect(JSON.parse(payload.toString()).errorType).toBe('Runtime.NodeJsExit')
      expect((await guest.exited).code).toBe(1)
    })

    it('fails the open call on an unhandled rejection, and ends', async () => {
      const guest = await withFunction('rejects-unhandled')
      const answer = await guest.call({})
      expect(JSON.parse(answer.text)).toMatchObject({
        errorType: 'Runtime.UnhandledPromiseRejection',
        errorMessage: 'Error: nobody caught me',
      })
      expect((await guest.exited).code).toBe(128)
    })

    it('fails the open call on an error outside of it, and ends', async () => {
      const guest = await withFunction('throws-later')
      const [first, second] = guest.callAhead([{}, {}])
      second?.catch(() => {})
      expect(JSON.parse((await first)?.text ?? '')).toMatchObject({
        errorType: 'RangeError',
        errorMessage: 'from a timer',
      })
      expect((await guest.exited).code).toBe(129)
      expect(guest.frames.filter((frame) => frame.type === FRAME.started)).toHaveLength(1)
    })
  })

  it.each([
    ['string', 'string', 'just text'],
    ['undefined', 'undefined', 'undefined'],
    ['null', 'object', 'null'],
    ['number', 'number', '42'],
    ['object', 'object', '[object Object]'],
    ['symbol', 'symbol', 'Symbol(sign)'],
    ['bare', 'object', 'A value was thrown that cannot be shown as text'],
  ])('describes a thrown %s as AWS does', async (kind, errorType, errorMessage) => {
    const guest = await withFunction('throws-non-error')
    const answer = await guest.call({ kind })
    expect(JSON.parse(answer.text)).toEqual({ errorType, errorMessage, trace: [] })
  })

  it.each([
    ['nothing', 'null'],
    ['null', 'null'],
    ['lone-surrogate', '"a\\ud800b"'],
    ['nan', 'null'],
    ['function', 'null'],
    ['symbol', 'null'],
    ['date', '"1970-01-01T00:00:00.000Z"'],
  ])('answers %s with valid JSON (P-CON-1)', async (kind, json) => {
    const guest = await withFunction('odd-answers')
    expect((await guest.call({ kind })).text).toBe(json)
  })

  it.each(['bigint', 'throwing-getter', 'throwing-to-json', 'deep'])(
    'answers %s with a typed error (P-CON-2)',
    async (kind) => {
      const guest = await withFunction('odd-answers')
      for (const callKind of [CALL_KIND.event, CALL_KIND.arguments]) {
        const event = callKind === CALL_KIND.event ? { kind } : [{ kind }]
        const answer = await guest.call(event, { kind: callKind })
        expect(answer.status).toBe(ANSWER_STATUS.failed)
        expect(JSON.parse(answer.text)).toMatchObject({
          errorType: 'Runtime.MarshalError',
          errorMessage: expect.stringMatching(/^Unable to stringify response body: ./),
        })
      }
    },
  )

  it('prefixes console lines as AWS does, errors and warnings on standard error', async () => {
    const guest = await withFunction('prints-then-answers')
    await guest.call({ tag: 'here' })
    const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`
    expect(await guest.printed('stdout', 1)).toMatch(
      new RegExp(`^${time}\tundefined\tINFO\tloading\n${time}\t${requestId}\tINFO\ton stdout here\n`),
    )
    expect(await guest.printed('stderr', 1)).toMatch(new RegExp(`^${time}\t${requestId}\tERROR\ton stderr here\n$`))
  })
})
