// What only the Python runtime promises.

import { ANSWER_STATUS, CALL_KIND, FRAME } from '@hearth/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { endAllGuests, Guest, pythonRuntime, requestId } from '../../runtime-node/test/harness.ts'
import { describeRuntime } from '../../runtime-node/test/runtime.contract.ts'

const withFunction = (fixture: string, handler = 'app.handler') =>
  Guest.withFunction(pythonRuntime, fixture, { handler })

describe('the Python runtime', () => {
  describeRuntime(pythonRuntime)
  afterEach(endAllGuests)

  it.each([
    ['async-handler', 'app.handler', { awaited: {} }],
    ['package-layout', 'functions/app.handler', 'functions.helper'],
    ['package-layout', 'functions.app.handler', 'functions.helper'],
    ['shadows-stdlib', 'calendar.handler', 'mine'],
    ['shadows-stdlib', 'json.handler', 'mine'],
  ])('loads %s: %s', async (fixture, handler, answer) => {
    const guest = await withFunction(fixture, handler)
    for (let round = 0; round < 2; round++) expect(JSON.parse((await guest.call({})).text)).toEqual(answer)
  })

  it('spreads positional arguments', async () => {
    const guest = await withFunction('arguments', 'app.add')
    expect((await guest.call([2, 3], { kind: CALL_KIND.arguments })).text).toBe('5')
    const answer = await guest.call([1], { kind: CALL_KIND.arguments })
    expect(JSON.parse(answer.text)).toMatchObject({
      errorType: 'TypeError',
      errorMessage: expect.stringContaining("missing 1 required positional argument: 'b'"),
    })
  })

  it('refuses a built-in module as the handler’s', async () => {
    const guest = Guest.start(pythonRuntime)
    guest.init('echo', { handler: 'sys.handler' })
    const { payload } = await guest.frame(FRAME.initFailed)
    expect(JSON.parse(payload.toString()).errorType).toBe('Runtime.BuiltInModuleConflict')
  })

  it('finds no module of the runtime’s own under a common name', async () => {
    const guest = Guest.start(pythonRuntime)
    guest.init('echo', { handler: 'main.handler' })
    const { payload } = await guest.frame(FRAME.initFailed)
    expect(JSON.parse(payload.toString()).errorMessage).toBe("Unable to import module 'main': No module named 'main'")
  })

  it('gives the stack in Python’s own style, a line with its end for each frame', async () => {
    const guest = await withFunction('throws')
    const { requestId: id, stackTrace } = JSON.parse((await guest.call({})).text)
    expect(id).toBe(requestId)
    expect(stackTrace).toHaveLength(1)
    expect(stackTrace[0]).toMatch(
      /^ {2}File ".*\/throws\/app\.py", line \d+, in handler\n {4}raise TeapotError\(.*\)\n$/,
    )
  })

  it('writes an error to the log as AWS does', async () => {
    const guest = await withFunction('throws')
    await guest.call({})
    expect(await guest.printed('stderr', 1)).toMatch(
      /^\[ERROR\] TeapotError: short and stout\nTraceback \(most recent call last\):\n {2}File /,
    )
  })

  it.each([
    ['string', 'KeyboardInterrupt', 'just text'],
    ['base', 'BaseException', 'rock bottom'],
    ['generator-exit', 'GeneratorExit', ''],
  ])('fails the call on what is no Exception: %s', async (kind, errorType, errorMessage) => {
    const guest = await withFunction('throws-non-error')
    expect(JSON.parse((await guest.call({ kind })).text)).toMatchObject({ errorType, errorMessage })
  })

  it.each([
    ['nothing', 'null'],
    ['lone-surrogate', '"a\\ud800b"'],
    ['decimal', '1.5'],
  ])('answers %s with valid JSON (P-CON-1)', async (kind, json) => {
    const guest = await withFunction('odd-answers')
    expect((await guest.call({ kind })).text).toBe(json)
  })

  it.each(['nan', 'infinity', 'set', 'bytes', 'date', 'function', 'tuple-key', 'deep'])(
    'answers %s with a typed error (P-CON-2)',
    async (kind) => {
      const guest = await withFunction('odd-answers')
      const answer = await guest.call({ kind })
      expect(answer.status).toBe(ANSWER_STATUS.failed)
      expect(JSON.parse(answer.text)).toMatchObject({
        errorType: 'Runtime.MarshalError',
        errorMessage: expect.stringMatching(/^Unable to marshal response: ./),
        requestId,
      })
    },
  )

  it('prints raw, and logs as AWS’s root logger does', async () => {
    const guest = await withFunction('prints-then-answers')
    await guest.call({ tag: 'here' })
    expect(await guest.printed('stdout', 1)).toBe('loading\non stdout here\nraw without newline')
    expect(await guest.printed('stderr', 1)).toMatch(
      new RegExp(
        String.raw`^on stderr here\n\[WARNING\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t${requestId}\tlogged here\n$`,
      ),
    )
  })

  it('ends with `exit`, too, which needs no import', async () => {
    const guest = await withFunction('exits')
    guest.call({ builtin: true, code: 9 }).catch(() => {})
    expect((await guest.exited).code).toBe(9)
  })

  it('lets no child that user code forked answer in its parent’s name', async () => {
    const guest = await withFunction('forks-and-returns')
    const answers = await Promise.all(guest.callAhead([{}, {}]))
    expect(answers.map((answer) => answer.text)).toEqual(['"parent"', '"parent"'])
    expect(guest.frames.filter((frame) => frame.type === FRAME.answer)).toHaveLength(2)
  })
})
