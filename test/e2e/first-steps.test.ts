// What a new user does in the first five minutes, in both languages.

import type { ExecuteView, FunctionView, InvocationView, MetricsSummary, Page } from '@hearth/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HearthProcess } from '../support/hearth-process.ts'

let hearth: HearthProcess
beforeAll(async () => {
  hearth = await HearthProcess.start()
})
afterAll(() => hearth.remove())

const greeters = {
  python: 'def handler(event, context):\n    print("greeting", event["name"])\n    return {"hello": event["name"]}\n',
  javascript:
    'export const handler = async (event) => { console.log("greeting", event.name); return { hello: event.name } }\n',
}

for (const language of ['python', 'javascript'] as const) {
  describe(`a ${language} function`, () => {
    const name = `greeter-${language}`

    it('is deployed, called cold or from the pool, and then warm', async () => {
      const view = await hearth.deploy({ name, language, code: greeters[language] })
      expect(view).toMatchObject({
        name,
        language,
        timeout: 3,
        memory: 128,
        version: 1,
        isolation: 'auto',
        access: 'key',
      })
      const first = await hearth.invoke(name, { name: 'Ada' })
      expect([first.status, first.body]).toEqual([200, { hello: 'Ada' }])
      expect(first.headers.get('x-hearth-outcome')).toBe('ok')
      expect(first.headers.get('x-hearth-isolation')).toBe(hearth.ready.isolation)
      expect(['cold', 'pool']).toContain(first.headers.get('x-hearth-start'))
      const second = await hearth.invoke(name, { name: 'Bob' })
      expect(second.body).toEqual({ hello: 'Bob' })
      expect(second.headers.get('x-hearth-start')).toBe('warm')
    })

    it('keeps a record with logs under the request id', async () => {
      const answer = await hearth.invoke(name, { name: 'Eve' })
      const requestId = answer.headers.get('x-hearth-request-id') as string
      const record = await hearth.invocation(requestId, ({ logs }) => logs.length > 0)
      expect(record).toMatchObject({ function_name: name, outcome: 'ok', trigger: 'invoke', error_type: null })
      expect(record.logs[0]?.text).toContain('greeting Eve')
      for (const figure of [record.queue_ms, record.init_ms, record.run_ms, record.total_ms, record.billed_ms]) {
        expect(figure).toBeGreaterThanOrEqual(0)
      }
      const page = await hearth.api<Page<InvocationView>>('GET', `/functions/${name}/invocations`)
      expect(page.body.items.map(({ id }) => id)).toContain(requestId)
    })

    it('is changed, and the next call runs the new code', async () => {
      const code = greeters[language].replace('hello', 'goodbye')
      const updated = await hearth.api<FunctionView>('PUT', `/functions/${name}`, { code })
      expect(updated.body.version).toBe(2)
      expect((await hearth.invoke(name, { name: 'Ada' })).body).toEqual({ goodbye: 'Ada' })
    })

    it('is called with positional arguments, output and logs apart', async () => {
      const code =
        language === 'python'
          ? 'import sys\ndef add(a, b):\n    print("adding")\n    print("careful", file=sys.stderr)\n    return a + b\n'
          : 'function add(a, b) { console.log("adding"); console.error("careful"); return a + b }\n'
      const { id } = await hearth.deploy({ name: `add-${language}`, language, code, function_name: 'add' })
      const { status, body } = await hearth.api<ExecuteView>('POST', '/functions/execute', { id, args: [2, 3] })
      expect(status).toBe(200)
      expect(body).toMatchObject({ outcome: 'ok', output: 5, error: null })
      expect([body.stdout.includes('adding'), body.stdout.includes('careful')]).toEqual([true, false])
      expect(body.stderr).toContain('careful')
    })
  })
}

it('sums up what happened', async () => {
  const { body } = await hearth.api<MetricsSummary>('GET', '/metrics/summary')
  expect(body.total.count).toBeGreaterThanOrEqual(8)
  expect(body.languages.map(({ language }) => language).sort()).toEqual(['javascript', 'python'])
  for (const row of [body.total, ...body.functions]) {
    for (const figure of Object.values(row)) if (typeof figure === 'number') expect(figure).toBeGreaterThanOrEqual(0)
  }
})

it('says what it can do and is alive without a key, and nothing else', async () => {
  const bare = async (path: string): Promise<number> => (await fetch(hearth.ready.control + path)).status
  expect([await bare('/healthz'), await bare('/readyz')]).toEqual([200, 200])
  expect([await bare('/functions'), await bare('/metrics'), await bare('/drivers')]).toEqual([401, 401, 401])
})

it('removes a function, and its calls then find nothing', async () => {
  await hearth.deploy({ name: 'short-lived', language: 'python', code: greeters.python })
  expect((await hearth.api('DELETE', '/functions/short-lived')).status).toBe(204)
  expect((await hearth.invoke('short-lived')).status).toBe(404)
})
