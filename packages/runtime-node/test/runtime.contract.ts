// What every runtime promises, in whatever language: one suite over the real programs and the same museum of functions.

import { execFileSync } from 'node:child_process'
import { ANSWER_FLAG, ANSWER_STATUS, CALL_KIND, CHANNEL_VERSION, FRAME, LIMITS } from '@hearth/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import {
  boundary,
  decodeHttp,
  encodeCall,
  encodeFrame,
  encodeHttp,
  endAllGuests,
  Guest,
  type HttpAnswerParts,
  type HttpRequestParts,
  nonceOf,
  type RuntimeUnderTest,
  requestId,
} from './harness.ts'

export function describeRuntime(runtime: RuntimeUnderTest): void {
  const withFunction: (fixture: string, init?: Parameters<Guest['init']>[1]) => Promise<Guest> = (fixture, init) =>
    Guest.withFunction(runtime, fixture, init)

  afterEach(endAllGuests)

  describe('the beginning', () => {
    it('says READY first, with its version of the channel and its language', async () => {
      const guest = Guest.start(runtime)
      const { payload } = await guest.frame(FRAME.ready)
      const ready = JSON.parse(payload.toString())
      expect(guest.frames).toHaveLength(1)
      expect(ready.channel).toBe(CHANNEL_VERSION)
      expect(ready.runtime).toMatch(runtime.language === 'python' ? /^python3\.\d+$/ : /^nodejs\d+\.x$/)
      expect(ready.languageVersion).toMatch(/^\d+\.\d+\.\d+/)
    })

    it('speaks over a Unix socket as well', async () => {
      const guest = await Guest.startOverUnixSocket(runtime)
      guest.init('echo')
      expect((await guest.call({ over: 'unix' })).text).toMatch(/"over": ?"unix"/)
    })

    it('takes INIT and calls that were sent before it was ready', async () => {
      const guest = Guest.start(runtime)
      guest.init('echo')
      const answers = await Promise.all(guest.callAhead([1, 2, 3]))
      expect(answers.map((answer) => answer.text)).toEqual(['1', '2', '3'])
    })

    it('shows user code only the environment it was told, in the directory of its code', async () => {
      const guest = await withFunction('env-dump', { env: { GREETING: 'hello', PATH: '/usr/bin:/bin' } })
      const { text } = await guest.call({})
      expect(JSON.parse(text)).toEqual({ GREETING: 'hello', PATH: '/usr/bin:/bin' })
    })

    it('refuses an address it does not know', async () => {
      const guest = Guest.start({ ...runtime, command: [...runtime.command, 'tcp:1'] })
      expect((await guest.exited).code).not.toBe(0)
      expect(guest.stderr).toContain('fd:<number> or unix:<path>')
    })
  })

  describe('calls', () => {
    it('hands the event to the handler and its value back as JSON', async () => {
      const guest = await withFunction('echo')
      const event = { text: 'grüße € 🙂 \u2028 \0', list: [1, 2.5, true, null], __proto__: null, nested: { a: {} } }
      const answer = await guest.call(event)
      expect(answer.status).toBe(ANSWER_STATUS.returned)
      expect(answer.flags).toBe(0)
      expect(JSON.parse(answer.text)).toEqual(JSON.parse(JSON.stringify(event)))
    })

    it('takes an empty body for an empty object, and any JSON value for an event', async () => {
      const guest = await withFunction('echo')
      expect((await guest.call(Buffer.alloc(0))).text).toBe('{}')
      for (const event of [null, 0, false, '', 'text', []]) {
        expect((await guest.call(event)).text).toBe(JSON.stringify(event))
      }
    })

    it('keeps names like __proto__ as data', async () => {
      const guest = await withFunction('echo')
      const { text } = await guest.call(Buffer.from('{"__proto__":{"admin":true},"constructor":1}'))
      expect(text.replaceAll(' ', '')).toBe('{"__proto__":{"admin":true},"constructor":1}')
    })

    it('carries events and answers of megabytes', async () => {
      const guest = await withFunction('echo')
      const event = 'ü'.repeat(2 * 1024 * 1024)
      const [large, small] = await Promise.all(guest.callAhead([event, 'after']))
      expect(large?.text).toBe(`"${event}"`)
      expect(small?.text).toBe('"after"')
    })

    it('understands frames that arrive in pieces', async () => {
      const guest = await withFunction('echo')
      const frames = [1, 2, 3].map((n) => encodeFrame(FRAME.call, n, nonceOf(n), encodeCall(Buffer.from(`"${n}"`))))
      const bytes = Buffer.concat(frames)
      for (let at = 0; at < bytes.length; at += 7) {
        guest.sendRaw(bytes.subarray(at, at + 7))
        await new Promise((resolve) => setImmediate(resolve))
      }
      for (const n of [1, 2, 3]) {
        const { payload, nonce } = await guest.frame(FRAME.answer, n)
        expect(payload.subarray(2).toString()).toBe(`"${n}"`)
        expect(nonce).toBe(nonceOf(n))
      }
    })

    it('runs calls that wait in the channel one at a time, in order, and says when each starts', async () => {
      const guest = await withFunction('sleeps')
      await Promise.all(guest.callAhead([{ ms: 30 }, { ms: 0 }, { ms: 5 }]))
      const order = guest.frames.slice(2).map((frame) => `${frame.type === FRAME.started ? 'S' : 'A'}${frame.sequence}`)
      expect(order).toEqual(['S1', 'A1', 'S2', 'A2', 'S3', 'A3'])
    })

    it('keeps module state from call to call', async () => {
      const guest = await withFunction('counts')
      const answers = await Promise.all(guest.callAhead([{}, {}, {}]))
      expect(answers.map((answer) => JSON.parse(answer.text).calls)).toEqual([1, 2, 3])
    })

    it('answers thousands of calls in order', async () => {
      const guest = await withFunction('echo')
      for (let round = 0; round < 5; round++) {
        const events = Array.from({ length: 1_000 }, (_, index) => ({ round, index }))
        const answers = await Promise.all(guest.callAhead(events))
        expect(answers.map((answer) => JSON.parse(answer.text))).toEqual(events)
      }
    })

    it('rejects a body that is not JSON without running the handler', async () => {
      const guest = await withFunction('counts')
      const bodies = ['{', 'NaN', "{'a': 1}", '[1,]', '1 2', Buffer.from([0x22, 0xff, 0xfe, 0x22])]
      for (const body of bodies) {
        const answer = await guest.call(Buffer.from(body))
        expect(answer.status).toBe(ANSWER_STATUS.rejected)
        expect(answer.text).toMatch(/^Could not parse request body into json: ./)
      }
      expect(JSON.parse((await guest.call({})).text).calls).toBe(1)
    })

    it('spreads a list of arguments over the handler', async () => {
      const guest = await withFunction('arguments')
      const answer = await guest.call([1, 'two', null], { kind: CALL_KIND.arguments })
      expect(JSON.parse(answer.text)).toEqual({ count: 3, args: [1, 'two', null] })
      expect(JSON.parse((await guest.call([], { kind: CALL_KIND.arguments })).text)).toEqual({ count: 0, args: [] })
      expect((await guest.call({ a: 1 }, { kind: CALL_KIND.arguments })).status).toBe(ANSWER_STATUS.rejected)
    })

    it('gives the handler a context as AWS does', async () => {
      const guest = await withFunction('context')
      const context = JSON.parse((await guest.call({}, { timeoutMs: 2_000 })).text)
      expect(context).toEqual({
        requestId,
        functionName: 'museum',
        functionVersion: '7',
        arn: 'arn:aws:lambda:us-east-1:000000000000:function:museum',
        memory: '128',
        logGroup: '/aws/lambda/museum',
        logStream: '2026/11/21/[7]0123456789abcdef0123456789abcdef',
        remainingMs: expect.any(Number),
        custom: null,
        traceId: null,
      })
      expect(context.remainingMs).toBeLessThanOrEqual(2_000)
    })

    it('gives what a caller sent beside the event to its own call only', async () => {
      const guest = await withFunction('context')
      const extras = {
        traceId: 'Root=1-5759e988-bd862e3fe1be46a994272793',
        invokedFunctionArn: 'arn:with:qualifier',
        clientContext: { custom: { color: 'red' }, env: {}, client: {} },
      }
      const first = JSON.parse((await guest.call({}, { extras })).text)
      expect(first).toMatchObject({ arn: extras.invokedFunctionArn, custom: { color: 'red' }, traceId: extras.traceId })
      const second = JSON.parse((await guest.call({})).text)
      expect(second).toMatchObject({ custom: null, traceId: null })
      expect(second.arn).not.toBe(extras.invokedFunctionArn)
    })
  })

  describe('errors', () => {
    it('turns an error into AWS’s error object, with the user’s frames and none of the runtime’s', async () => {
      const guest = await withFunction('throws')
      const answer = await guest.call({ message: 'no coffee' })
      const error = JSON.parse(answer.text)
      expect(answer.status).toBe(ANSWER_STATUS.failed)
      expect(error).toMatchObject({ errorType: 'TeapotError', errorMessage: 'no coffee' })
      const trace: string[] = runtime.language === 'python' ? error.stackTrace : error.trace
      expect(trace.join('\n')).toContain('test/functions/throws/')
      expect(answer.text).not.toContain(runtime.programDir)
      expect(Object.keys(error)).toEqual(
        runtime.language === 'python'
          ? ['errorMessage', 'errorType', 'requestId', 'stackTrace']
          : ['errorType', 'errorMessage', 'trace'],
      )
    })

    it('writes the error to the log of its call', async () => {
      const guest = await withFunction('throws')
      expect((await guest.call({ message: 'no coffee' })).flags).toBe(ANSWER_FLAG.stderrBoundary)
      expect(await guest.printed('stderr', 1)).toContain('no coffee')
    })

    it('goes on after an error', async () => {
      const guest = await withFunction('throws')
      const answers = await Promise.all(guest.callAhead([{ message: 'one' }, { message: 'two' }]))
      expect(answers.map((answer) => JSON.parse(answer.text).errorMessage)).toEqual(['one', 'two'])
    })

    it('bounds an error message of 32 MiB', async () => {
      const guest = await withFunction('throws-non-error')
      const answer = await guest.call({ kind: 'huge' })
      expect(answer.status).toBe(ANSWER_STATUS.failed)
      expect(answer.body.length).toBeLessThanOrEqual(LIMITS.errorPayloadBytesMax)
      expect(JSON.parse(answer.text).errorMessage).toMatch(/^x+\.\.\. \(cut\)$/)
    })

    it('survives an error whose message cannot be read', async () => {
      const guest = await withFunction('throws-non-error')
      const answer = await guest.call({ kind: 'hostile-message' })
      expect(answer.status).toBe(ANSWER_STATUS.failed)
      expect(JSON.parse(answer.text).errorMessage).toContain('could not be read')
    })

    it('fails a call that recurses without end, and goes on', async () => {
      const guest = await withFunction('recurses')
      for (let round = 0; round < 2; round++) {
        const answer = await guest.call({})
        expect(answer.status).toBe(ANSWER_STATUS.failed)
        expect(JSON.parse(answer.text).errorType).toMatch(/^Range?Error$|^RecursionError$/)
      }
    })

    it('refuses an answer that contains itself', async () => {
      const guest = await withFunction('cyclic-answer')
      const answer = await guest.call({})
      expect(answer.status).toBe(ANSWER_STATUS.failed)
      expect(JSON.parse(answer.text)).toMatchObject({
        errorType: 'Runtime.MarshalError',
        errorMessage: expect.stringMatching(/ircular/),
      })
    })

    it('lets an answer be as large as the limit and not a byte larger', async () => {
      const guest = await withFunction('big-answer')
      const largest = await guest.call({ bytes: LIMITS.answerBytesMax })
      expect(largest.status).toBe(ANSWER_STATUS.returned)
      expect(largest.body.length).toBe(LIMITS.answerBytesMax)
      const tooLarge = await guest.call({ bytes: LIMITS.answerBytesMax + 1 })
      expect(tooLarge.status).toBe(ANSWER_STATUS.failed)
      expect(JSON.parse(tooLarge.text)).toEqual({
        errorType: 'Function.ResponseSizeTooLarge',
        errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
      })
      expect((await guest.call({ bytes: 10 })).text).toBe('"xxxxxxxx"')
    })
  })

  describe('endings', () => {
    it('ends with the status user code chose, without an answer', async () => {
      const guest = await withFunction('exits')
      guest.call({ code: 7 }).catch(() => {})
      await guest.frame(FRAME.started, 1)
      expect(await guest.exited).toEqual({ code: 7, signal: null })
      expect(guest.frames.some((frame) => frame.type === FRAME.answer)).toBe(false)
    })

    it('has sent an answer completely before the next call can end the process', async () => {
      const guest = await withFunction('big-answer')
      const [large, second] = guest.callAhead([{ bytes: 5_000_000 }, { exit: true }])
      second?.catch(() => {})
      expect((await large)?.body.length).toBe(5_000_000)
      expect(await guest.exited).toEqual({ code: 0, signal: null })
      expect(guest.frames.some((frame) => frame.type === FRAME.started && frame.sequence === 2)).toBe(true)
    })

    it('leaves the calls behind a crash unstarted', async () => {
      const guest = await withFunction('exits')
      for (const answer of guest.callAhead([{ code: 1 }, { code: 2 }, { code: 3 }])) answer.catch(() => {})
      expect((await guest.exited).code).toBe(1)
      const started = guest.frames.filter((frame) => frame.type === FRAME.started)
      expect(started.map((frame) => frame.sequence)).toEqual([1])
    })

    it('keeps an answer that was given before the process ended', async () => {
      const guest = await withFunction('exits-later')
      expect((await guest.call({})).text).toBe('"answered"')
      expect((await guest.exited).code).toBe(4)
    })

    it.each([
      ['aborts', 'SIGABRT'],
      ['segfaults', 'SIGSEGV'],
    ])('dies as it does: %s', async (fixture, signal) => {
      const guest = await withFunction(fixture)
      guest.call({}).catch(() => {})
      expect((await guest.exited).signal).toBe(signal)
    })

    it('ends when the host hangs up', async () => {
      const guest = await withFunction('echo')
      guest.hangUp()
      expect((await guest.exited).signal).toBe(null)
    })

    it('ends when the host hangs up before INIT', async () => {
      const guest = Guest.start(runtime)
      await guest.frame(FRAME.ready)
      guest.hangUp()
      expect((await guest.exited).signal).toBe(null)
    })
  })

  describe('loading', () => {
    const failedInit = async (fixture: string, init: Parameters<Guest['init']>[1] = {}) => {
      const guest = Guest.start(runtime)
      guest.init(fixture, init)
      const { payload } = await guest.frame(FRAME.initFailed)
      const exit = await guest.exited
      return { error: JSON.parse(payload.toString()), text: payload.toString(), exit, guest }
    }

    it.each([
      ['import-fails', 'Runtime.ImportModuleError', /no[-_]such[-_]package/],
      ['syntax-error', 'Runtime.UserCodeSyntaxError', /yntax ?[Ee]rror/],
      ['missing-handler', 'Runtime.HandlerNotFound', /handler/],
      ['throws-in-init', 'TypeError', /^not today$/],
    ])('says why it cannot load %s, and exits', async (fixture, errorType, errorMessage) => {
      const { error, text, exit } = await failedInit(fixture)
      expect(error).toMatchObject({ errorType, errorMessage: expect.stringMatching(errorMessage) })
      if (runtime.language === 'python') expect(error.requestId).toBe('')
      expect(text).not.toContain(runtime.programDir)
      expect(exit.code).toBe(1)
    })

    it('says that there is no such file', async () => {
      const { error } = await failedInit('echo', { handler: 'nowhere.handler' })
      expect(error).toMatchObject({
        errorType: 'Runtime.ImportModuleError',
        errorMessage: expect.stringContaining('nowhere'),
      })
    })

    it('refuses an export that is no function', async () => {
      const handler = runtime.language === 'python' ? 'app.not_a_function' : 'index.notAFunction'
      const { error } = await failedInit('missing-handler', { handler })
      expect(error.errorType).toBe('Runtime.HandlerNotFound')
    })

    it.each(['handler', '', '.handler', 'app.'])('refuses the malformed handler name %j', async (handler) => {
      const { error } = await failedInit('echo', { handler })
      expect(error.errorType).toBe('Runtime.MalformedHandlerName')
    })

    it('shows what was printed before loading failed', async () => {
      const { guest } = await failedInit('throws-in-init')
      expect(guest.stdout).toContain('about to fail')
      expect(guest.stderr).toContain('not today')
    })

    it('dies of user code that ends the process while loading', async () => {
      const guest = Guest.start(runtime)
      guest.init('crash-in-init')
      expect((await guest.exited).code).toBe(5)
      expect(guest.frames.map((frame) => frame.type)).toEqual([FRAME.ready])
    })
  })

  describe('output', () => {
    it('ends the output of a call that printed with a boundary line on each stream', async () => {
      const guest = await withFunction('prints-then-answers')
      const [first, silent, third] = await Promise.all(
        guest.callAhead([{ tag: 'one' }, { silent: true }, { tag: 'three' }]),
      )
      const both = ANSWER_FLAG.stdoutBoundary | ANSWER_FLAG.stderrBoundary
      expect([first?.flags, silent?.flags, third?.flags]).toEqual([both, 0, both])
      expect(await guest.printed('stdout', 1)).toMatch(/^(.*\t)?loading\n(.*\t)?on stdout one\nraw without newline$/)
      expect(await guest.printed('stderr', 1)).toMatch(/on stderr one\n/)
      expect(await guest.printed('stdout', 3)).toMatch(/^(.*\t)?on stdout three\nraw without newline$/)
      expect(guest.stdout).not.toContain(`${boundary}:2`)
    })

    it('has written a boundary before the answer, however much was printed', async () => {
      const guest = await withFunction('flood-stdout')
      const answer = await guest.call({ bytes: 4 * 1024 * 1024 })
      expect(answer.flags).toBe(ANSWER_FLAG.stdoutBoundary)
      expect((await guest.printed('stdout', 1)).length).toBe(4 * 1024 * 1024)
    })

    it('loses nothing that was printed just before the process ended', async () => {
      const guest = await withFunction('prints-then-exits')
      guest.call({}).catch(() => {})
      await guest.exited
      expect(guest.stdout).toHaveLength(1024 * 1024)
    })

    it('does not mistake printed lines for its own', async () => {
      const guest = await withFunction('forges-log-lines')
      await guest.call({})
      expect(await guest.printed('stdout', 1)).toContain(`\0${'0'.repeat(32)}:1\n`)
    })

    it('answers although its streams are closed', async () => {
      const guest = await withFunction('closes-stdout')
      expect((await guest.call({})).text).toBe('"answered"')
      expect((await guest.call({})).text).toBe('"answered"')
    })

    it('keeps the channel out of reach of prints', async () => {
      const guest = await withFunction('prints-then-answers')
      await guest.call({})
      expect(guest.frames.map((frame) => frame.type)).toEqual([FRAME.ready, FRAME.inited, FRAME.started, FRAME.answer])
    })
  })

  describe('hostile code', () => {
    it('answers rightly although every global it might use is poisoned (P-ISO-9)', async () => {
      const guest = await withFunction('poisoned-globals')
      for (const n of [1, 2]) {
        const answer = await guest.call({ n })
        expect(answer.status).toBe(ANSWER_STATUS.returned)
        expect(JSON.parse(answer.text)).toEqual({ event: { n }, clean: true })
      }
    })

    it('holds its standard streams and its channel, and hands no more than the streams on (P-CHN-4)', async () => {
      const guest = await withFunction('lists-descriptors')
      const { own, child } = JSON.parse((await guest.call({})).text)
      expect(own['3']).toMatch(/^socket:/)
      expect(Object.values(own).join(' ')).not.toMatch(/\/(packages|test)\//)
      // Keeping a descriptor that the test's own process was started with from the guest is up to the driver.
      const everyChildHas = execFileSync('/bin/ls', ['/proc/self/fd'], { encoding: 'utf8' }).trim().split('\n')
      expect(child).toEqual(everyChildHas)
      expect(child.slice(0, 3)).toEqual(['0', '1', '2'])
    })

    it('cannot keep forged frames from being seen for what they are', async () => {
      const guest = await withFunction('forges-channel')
      guest.call({}).catch(() => {})
      const honest = await guest.until('an answer with its nonce', () =>
        guest.frames.find((frame) => frame.type === FRAME.answer && frame.nonce === nonceOf(1)),
      )
      expect(honest.payload.subarray(2).toString()).toBe('"honest"')
      const forged = guest.frames.filter((frame) => frame.type === FRAME.answer && frame.nonce === 0)
      expect(forged.map((frame) => frame.sequence)).toEqual([0, 1, 2, 3, 4])
    })

    it('sends a second answer if user code sent a first: the host must count', async () => {
      const guest = await withFunction('double-reply')
      await guest.call({})
      await guest.until('two answers', () => guest.frames.filter((frame) => frame.type === FRAME.answer)[1])
      const answers = guest.frames.filter((frame) => frame.type === FRAME.answer)
      expect(answers.map((frame) => frame.payload.subarray(2).toString())).toEqual(['"first"', '"second"'])
      expect(answers.map((frame) => frame.nonce)).toEqual([nonceOf(1), nonceOf(1)])
    })

    it('lets garbage be seen as garbage', async () => {
      const guest = await withFunction('writes-garbage-to-channel')
      guest.call({}).catch(() => {})
      expect(await guest.until('garbage', () => guest.garbage || undefined)).toBe(true)
    })

    it('goes on working in the background when its answer is given', async () => {
      const guest = await withFunction('background-work')
      const before = Number((await guest.call({})).text)
      let after = before
      while (after <= before) after = Number((await guest.call({})).text)
      expect(after).toBeGreaterThan(before)
    })
  })

  describe('http', () => {
    const eventOf = async (request: HttpRequestParts) => {
      const guest = await withFunction('http-shapes')
      const answer = await guest.call(encodeHttp(request), { kind: CALL_KIND.http })
      expect(answer.status).toBe(ANSWER_STATUS.returned)
      const { body } = decodeHttp(answer.body)
      await guest.kill()
      return JSON.parse(body.toString())
    }

    it('builds the payload-2.0 event', async () => {
      const event = await eventOf({
        method: 'POST',
        path: '/shop/items%20here/7',
        query: 'tag=a&tag=b%20c&empty=&flag&plus=1+1&euro=%E2%82%AC',
        parameters: ['item', '7%2F8', 'name', 'gr%C3%BC%C3%9Fe'],
        headers: [
          'Host',
          'museum.localhost:4748',
          'User-Agent',
          'curl/8',
          'Accept',
          'text/html',
          'accept',
          'text/plain',
          'Cookie',
          'a=1; b=2',
          'cookie',
          'c=3',
          'Content-Type',
          'application/json; charset=utf-8',
        ],
        body: '{"grüße":1}',
      })
      expect(event).toEqual({
        version: '2.0',
        routeKey: '$default',
        rawPath: '/shop/items%20here/7',
        rawQueryString: 'tag=a&tag=b%20c&empty=&flag&plus=1+1&euro=%E2%82%AC',
        cookies: ['a=1', 'b=2', 'c=3'],
        headers: {
          host: 'museum.localhost:4748',
          'user-agent': 'curl/8',
          accept: 'text/html,text/plain',
          'content-type': 'application/json; charset=utf-8',
        },
        queryStringParameters: { tag: 'a,b c', empty: '', flag: '', plus: '1 1', euro: '€' },
        requestContext: {
          accountId: 'anonymous',
          apiId: 'abcdef',
          domainName: 'museum.localhost',
          domainPrefix: 'museum',
          http: {
            method: 'POST',
            path: '/shop/items%20here/7',
            protocol: 'HTTP/1.1',
            sourceIp: '127.0.0.1',
            userAgent: 'curl/8',
          },
          requestId,
          routeKey: '$default',
          stage: '$default',
          time: '05/Aug/2026:08:14:39 +0000',
          timeEpoch: Date.UTC(2026, 7, 5, 8, 14, 39, 123),
        },
        pathParameters: { item: '7/8', name: 'grüße' },
        body: '{"grüße":1}',
        isBase64Encoded: false,
      })
    })

    it('leaves out what a plain request does not have', async () => {
      const event = await eventOf({})
      expect(Object.keys(event).sort()).toEqual(
        ['headers', 'isBase64Encoded', 'rawPath', 'rawQueryString', 'requestContext', 'routeKey', 'version'].sort(),
      )
      expect(event.headers).toEqual({})
      expect(event.requestContext.http.userAgent).toBe('')
    })

    it('keeps names like __proto__ as data, and faulty percent signs as they came', async () => {
      const event = await eventOf({
        query: '__proto__=q&constructor=c&constructor=d&bad=%&worse=%ff',
        headers: ['__proto__', 'h', '__proto__', 'i', 'toString', 't'],
        parameters: ['__proto__', 'p'],
      })
      expect(Object.entries(event.headers)).toEqual([
        ['__proto__', 'h,i'],
        ['tostring', 't'],
      ])
      expect(Object.entries(event.queryStringParameters)).toEqual([
        ['__proto__', 'q'],
        ['constructor', 'c,d'],
        ['bad', '%'],
        ['worse', '%ff'],
      ])
      expect(Object.entries(event.pathParameters)).toEqual([['__proto__', 'p']])
    })

    it.each([
      ['text/plain', 'text', false],
      ['application/vnd.api+json', '{}', false],
      ['application/x-www-form-urlencoded', 'a=1', false],
      ['APPLICATION/XML', '<a/>', false],
      ['application/jsonx', '{}', true],
      ['image/png', 'PNG', true],
      ['multipart/form-data; boundary=x', '--x--', true],
      ['', 'untyped', true],
      ['text/plain', Buffer.from([0xff, 0x00, 0xfe]), true],
    ])('hands a body of type %j over as text or base64', async (type, body, isBase64) => {
      const event = await eventOf({ headers: type === '' ? [] : ['content-type', type], body })
      expect(event.isBase64Encoded).toBe(isBase64)
      expect(event.body).toBe(isBase64 ? Buffer.from(body).toString('base64') : body)
    })

    const shapes = async (names: readonly string[]) => {
      const guest = await withFunction('http-shapes')
      const requests = names.map((name) => encodeHttp({ query: `shape=${name}` }))
      return Promise.all(guest.callAhead(requests, { kind: CALL_KIND.http }))
    }

    const json = ['content-type', 'application/json'] as const
    const answers: Record<string, { status: number; headers: HttpAnswerParts['headers']; body: string }> = {
      response: {
        status: 201,
        headers: [['X-One', 'a'], ['x-list', 'b'], ['x-list', 'c'], ['x-number', '5'], json],
        body: 'created',
      },
      cookies: { status: 200, headers: [json, ['set-cookie', 'a=1; Path=/'], ['set-cookie', 'b=2']], body: 'cookies' },
      empty: { status: 204, headers: [json], body: '' },
      'status-text': { status: 404, headers: [json], body: 'missing' },
      string: { status: 200, headers: [json], body: 'plain text' },
      number: { status: 200, headers: [json], body: '42' },
      null: { status: 200, headers: [json], body: 'null' },
      true: { status: 200, headers: [json], body: 'true' },
      unicode: { status: 200, headers: [json], body: 'grüße €' },
      'proto-header': { status: 200, headers: [['__proto__', 'kept'], json], body: '' },
    }
    it('splits answers into status, headers and body', async () => {
      const names = Object.keys(answers)
      const got = await shapes(names)
      names.forEach((name, index) => {
        const { status, headers, body } = decodeHttp((got[index] as { body: Buffer }).body)
        expect({ name, status, headers, body: body.toString() }).toEqual({ name, ...answers[name] })
      })
    })

    it('sends what is no response as JSON, and decodes base64 itself', async () => {
      const [list, object, body, binary] = await shapes(['list', 'object', 'object-body', 'binary'])
      const bodyOf = (answer: { body: Buffer } | undefined) => decodeHttp((answer as { body: Buffer }).body).body
      expect(JSON.parse(bodyOf(list).toString())).toEqual([1, 2])
      expect(JSON.parse(bodyOf(object).toString())).toEqual({ plain: true })
      expect(JSON.parse(bodyOf(body).toString())).toEqual({ a: 1 })
      expect([...bodyOf(binary)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x00, 0xff])
    })

    it('fails on malformed answers, and goes on (P-OUT-2)', async () => {
      const malformed = [
        'bad-status',
        'status-fraction',
        'status-99',
        'status-101',
        'status-600',
        'bad-header-name',
        'injected-header',
        'nul-header',
        'wide-header',
        'object-header',
        'null-header',
        'headers-list',
        'bad-cookies',
        'bad-base64',
        'huge-head',
      ]
      const got = await shapes([...malformed, 'string'])
      malformed.forEach((name, index) => {
        const { errorType } = JSON.parse(got[index]?.text ?? '')
        expect({ name, status: got[index]?.status, errorType }).toEqual({
          name,
          status: ANSWER_STATUS.failed,
          errorType: 'Runtime.InvalidResponse',
        })
      })
      expect(got.at(-1)?.status).toBe(ANSWER_STATUS.returned)
    })
  })
}
