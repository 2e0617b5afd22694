// Functions that take more than they may, end badly, or go on after their answer: what the caller is told, and that
// nothing of it reaches anybody else.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, HearthProcess } from '../support/hearth-process.ts'
import { expectNothingLeft } from '../support/leak-check.ts'

let hearth: HearthProcess
beforeAll(async () => {
  hearth = await HearthProcess.start()
  await hearth.deploy({
    name: 'benign',
    language: 'python',
    memory: 256,
    code: 'def handler(event, context):\n    return "fine"\n',
  })
})
afterAll(async () => {
  await hearth.remove()
  await expectNothingLeft(hearth.dataDir)
})

interface FunctionError {
  errorType: string
  errorMessage: string
}

let count = 0
async function run(
  language: 'python' | 'javascript',
  code: string,
  some: { timeout?: number; memory?: number; event?: unknown } = {},
) {
  count += 1
  const name = `case-${count}`
  await hearth.deploy({ name, language, code, timeout: some.timeout ?? 5, memory: some.memory ?? 256 })
  const answer = await hearth.invoke<FunctionError>(name, some.event ?? {})
  expect(answer.status).toBe(200)
  return {
    name,
    answer,
    outcome: answer.headers.get('x-hearth-outcome'),
    requestId: answer.headers.get('x-hearth-request-id'),
  }
}

const isFine = async (): Promise<void> => {
  const answer: Answer = await hearth.invoke('benign')
  expect([answer.status, answer.body]).toEqual([200, 'fine'])
}

describe('time', () => {
  it('ends a call that spins, in AWS words, and the next call gets a fresh place', async () => {
    const code =
      'state = []\ndef handler(event, context):\n    state.append(1)\n    while event.get("spin"): pass\n    return len(state)\n'
    const { name, answer, outcome, requestId } = await run('python', code, { timeout: 1, event: { spin: true } })
    expect(outcome).toBe('timeout')
    expect(answer.body).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${requestId} Error: Task timed out after 1.00 seconds`,
    })
    expect((await hearth.invoke(name)).body).toBe(1)
  })

  it('ends a call that ignores SIGTERM and hides in a child process', async () => {
    const code = `
import os, signal, time
def handler(event, context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        while True: time.sleep(1)
    while True: time.sleep(1)
`
    expect((await run('python', code, { timeout: 1 })).outcome).toBe('timeout')
  })

  it('ends a call that stops itself', async () => {
    const code = 'import os, signal\ndef handler(event, context):\n    os.kill(os.getpid(), signal.SIGSTOP)\n'
    expect((await run('python', code, { timeout: 1 })).outcome).toBe('timeout')
  })

  it('gives loading ten seconds of its own', async () => {
    const { answer, outcome } = await run(
      'python',
      'import time\ntime.sleep(60)\ndef handler(event, context): pass\n',
      { timeout: 1 },
    )
    expect([outcome, answer.body.errorType]).toEqual(['timeout', 'Sandbox.Timedout'])
  })

  it('lets loading take longer than the function may run', async () => {
    const { outcome } = await run(
      'javascript',
      'await new Promise((done) => setTimeout(done, 1500)); export const handler = () => 1',
      { timeout: 1 },
    )
    expect(outcome).toBe('ok')
  })
})

describe('memory', () => {
  it('ends a function that takes more than its own, and says so', async () => {
    const code = 'def handler(event, context):\n    kept = []\n    while True: kept.append(bytearray(8 << 20))\n'
    const { answer, outcome } = await run('python', code, { memory: 128, timeout: 20 })
    expect([outcome, answer.body.errorType]).toEqual(['oom', 'Runtime.OutOfMemory'])
    await isFine()
  })

  it('bounds a bomb in module scope too', async () => {
    const { outcome } = await run(
      'javascript',
      'const kept = []; for (;;) kept.push(Buffer.alloc(8 << 20, 1)); export const handler = () => 1',
      { memory: 128 },
    )
    expect(outcome).toBe('oom')
  })
})

describe('processes, disk, output', () => {
  it('contains a fork bomb', async () => {
    const code =
      'import os\ndef handler(event, context):\n    while True:\n        try: os.fork()\n        except OSError: pass\n'
    const { outcome } = await run('python', code, { timeout: 2 })
    expect(['timeout', 'crash', 'oom']).toContain(outcome)
    await isFine()
  })

  it('bounds /tmp and keeps the rest of the disk read-only', async () => {
    const code = `
import os
def attempt(path, mb):
    try:
        with open(path, "wb") as f:
            for _ in range(mb): f.write(b"x" * (1 << 20))
        return "written"
    except OSError as e:
        return e.strerror
def handler(event, context):
    return [attempt("/tmp/big", 600), attempt("/var/task/x", 1), attempt("/usr/x", 1), attempt("/x", 1), attempt("/etc/x", 1)]
`
    const { answer } = await run('python', code, { memory: 2048, timeout: 60 })
    const [tmp, ...others] = answer.body as unknown as string[]
    expect(tmp).toBe('No space left on device')
    for (const result of others) expect(['Read-only file system', 'Permission denied']).toContain(result)
  })

  it('keeps a flood of output bounded and marks what was dropped', async () => {
    const code = 'def handler(event, context):\n    for _ in range(64): print("y" * (1 << 20))\n    return "done"\n'
    const { outcome, requestId } = await run('python', code, { memory: 1769, timeout: 60 })
    expect(outcome).toBe('ok')
    const record = await hearth.invocation(requestId as string, ({ logs }) => logs.length > 0)
    const kept = record.logs.reduce((sum, { text }) => sum + text.length, 0)
    expect(kept).toBeLessThanOrEqual(1024 * 1024)
    expect(record.logs_dropped_bytes).toBeGreaterThan(60 * 1024 * 1024)
  })

  it('refuses an answer above the limit', async () => {
    const { answer, outcome } = await run('python', 'def handler(event, context):\n    return "x" * (7 << 20)\n', {
      memory: 1024,
      timeout: 20,
    })
    expect([outcome, answer.body.errorType]).toEqual(['error', 'Function.ResponseSizeTooLarge'])
  })
})

describe('bad endings', () => {
  const endings: Record<string, { language: 'python' | 'javascript'; code: string; message: string }> = {
    'an exit': {
      language: 'javascript',
      code: 'export const handler = () => process.exit(7)',
      message: 'Runtime exited with error: exit status 7',
    },
    'an exit without a reason': {
      language: 'python',
      code: 'import os\ndef handler(e, c): os._exit(0)',
      message: 'Runtime exited without providing a reason',
    },
    'a killed self': {
      language: 'python',
      code: 'import os\ndef handler(e, c): os.kill(os.getpid(), 9)',
      message: 'signal: killed',
    },
    'a crash of the interpreter': {
      language: 'python',
      code: 'import ctypes\ndef handler(e, c): ctypes.string_at(0)',
      message: 'signal: segmentation fault',
    },
  }
  for (const [name, { language, code, message }] of Object.entries(endings)) {
    it(`reports ${name} at once`, async () => {
      const { answer, outcome, requestId } = await run(language, code, { timeout: 60 })
      expect(outcome).toBe('crash')
      expect(answer.body.errorType).toBe('Runtime.ExitError')
      expect(answer.body.errorMessage).toContain(`RequestId: ${requestId} Error: `)
      expect(answer.body.errorMessage).toContain(message)
      await isFine()
    })
  }

  it('lets a function that kills everything it can reach find nothing but itself', async () => {
    const { outcome, answer } = await run('python', 'import os\ndef handler(e, c): os.kill(-1, 9)')
    expect([outcome, answer.body.errorType]).toEqual(['error', 'ProcessLookupError'])
    await isFine()
  })

  it('answers every call right although the function crashes after answering', async () => {
    const { name } = await run(
      'javascript',
      'export const handler = ({ n }) => { setTimeout(() => process.exit(1), 1); return n ?? 0 }',
    )
    for (let n = 1; n <= 30; n += 1) {
      const { body } = await hearth.invoke(name, { n })
      expect(body).toBe(n)
    }
  })

  it('does not let a version whose loading fails start over and over', async () => {
    const { name, outcome } = await run('python', 'raise RuntimeError("no")\n')
    expect(outcome).toBe('error')
    const sandboxes = new Set<string>()
    for (let call = 0; call < 20; call += 1) {
      const answer = await hearth.invoke<FunctionError>(name)
      expect(answer.body.errorType).toBe('RuntimeError')
      const record = await hearth.invocation(answer.headers.get('x-hearth-request-id') as string)
      sandboxes.add(record.sandbox_id)
    }
    expect(sandboxes.size).toBeLessThan(10)
  })
})

describe('between calls', () => {
  it('is frozen: background work does not go on', async () => {
    const code = `
import threading
ticks = [0]
def tick():
    while True: ticks[0] += 1
def handler(event, context):
    if not event.get("look"): threading.Thread(target=tick, daemon=True).start()
    return ticks[0]
`
    const { name } = await run('python', code, { memory: 1769 })
    await new Promise((resolve) => setTimeout(resolve, 300))
    const first = (await hearth.invoke<number>(name, { look: true })).body
    await new Promise((resolve) => setTimeout(resolve, 2000))
    const second = (await hearth.invoke<number>(name, { look: true })).body
    // Two seconds of a free-running loop are tens of millions of ticks; what is left is the moment before the freeze.
    expect(second - first).toBeLessThan(first * 3 + 5_000_000)
  })
})
