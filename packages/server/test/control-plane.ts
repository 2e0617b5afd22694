// Both doors over a catalog in memory, with calls answered as the test says: everything of Hearth but sandboxes and disk.

import type { DriverView, MetricsSummary, RuntimeView } from '@hearth/protocol'
import { type ControlDoor, startControlDoor } from '../src/api/control-door.ts'
import { FunctionCatalog } from '../src/catalog/function-catalog.ts'
import { KeyCatalog } from '../src/catalog/key-catalog.ts'
import { systemClock } from '../src/domain/clock.ts'
import type { InvocationRecord } from '../src/domain/invocation.ts'
import { noLogs } from '../src/domain/invocation.ts'
import type { Log } from '../src/domain/log.ts'
import { startFunctionsDoor } from '../src/gateway/functions-door.ts'
import { InvokeDoor } from '../src/gateway/invoke-door.ts'
import { Doorkeeper } from '../src/http/doorkeeper.ts'
import type { Listener, ListenerLimits } from '../src/http/listener.ts'
import { uuidSource } from '../src/lib/uuid.ts'
import {
  ListInvocationStore,
  linuxWalls,
  MapArtifacts,
  MapFunctionStore,
  MapKeyStore,
  runtimes,
  ScriptedInvoker,
} from './doubles.ts'

export const adminKey = 'admin-key-of-the-tests'

export interface Answer<T = unknown> {
  readonly status: number
  readonly headers: Headers
  readonly body: T
}

export class ControlPlane {
  readonly store = new MapFunctionStore()
  readonly artifacts = new MapArtifacts()
  readonly invocations = new ListInvocationStore()
  readonly invoker = new ScriptedInvoker()
  /** What was logged as a warning or an error. */
  readonly logged: { fields: object; message: string }[] = []
  ready = true
  readonly functions: FunctionCatalog
  readonly keys: KeyCatalog
  #control: ControlDoor | null = null
  #routes: Listener | null = null

  constructor() {
    const clock = systemClock
    const nextId = uuidSource(clock.wallMs)
    const { store, artifacts } = this
    this.functions = new FunctionCatalog({ store, artifacts, runtimes, walls: linuxWalls, clock, nextId })
    this.keys = new KeyCatalog({ store: new MapKeyStore(), clock, log: this.#log })
  }

  static async start(limits: Partial<ListenerLimits> = {}): Promise<ControlPlane> {
    const plane = new ControlPlane()
    await plane.#start(limits)
    return plane
  }

  get control(): ControlDoor {
    if (this.#control === null) throw new Error('not started')
    return this.#control
  }

  get functionsUrl(): string {
    return this.#routes?.address ?? ''
  }

  async close(): Promise<void> {
    await this.#control?.close()
    await this.#routes?.close()
  }

  async call<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array
    const response = await fetch(this.control.address + path, {
      method,
      headers: {
        authorization: `Bearer ${adminKey}`,
        ...(raw ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? (body as string | Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
    })
    const text = await response.text()
    let parsed: unknown = text
    try {
      parsed = JSON.parse(text)
    } catch {
      // Not JSON: the text is the body.
    }
    return { status: response.status, headers: response.headers, body: parsed as T }
  }

  async #start(limits: Partial<ListenerLimits>): Promise<void> {
    await this.keys.ensureAdmin(adminKey)
    const { functions, keys, invoker, invocations } = this
    const clock = systemClock
    const nextId = uuidSource(clock.wallMs)
    const log = this.#log
    const doorkeeper = new Doorkeeper({ keys, nowMs: clock.nowMs })
    const shared = { functions, doorkeeper, invoker, clock, nextId, log, host: '127.0.0.1', port: 0, limits }
    this.#routes = await startFunctionsDoor(shared)
    this.#control = await startControlDoor({
      ...shared,
      keys,
      invocations,
      metrics: { summary: () => emptySummary, report: () => emptySummary },
      drivers: () => [linuxView],
      runtimes: () => [pythonView],
      takeCall: new InvokeDoor(shared).take,
      functionsUrl: () => this.functionsUrl,
      allowedHosts: ['hearth.example'],
      isReady: () => this.ready,
      version: '0.0.0',
    })
  }

  get #log(): Log {
    const keep = (fields: object, message: string): void => void this.logged.push({ fields, message })
    return { debug: () => {}, info: () => {}, warn: keep, error: keep }
  }
}

const emptyRow: MetricsSummary['total'] = {
  count: 0,
  errors: 0,
  timeouts: 0,
  crashes: 0,
  ooms: 0,
  throttles: 0,
  error_rate: 0,
  cold_starts: 0,
  pool_starts: 0,
  cold_share: 0,
  average_ms: 0,
  p50_ms: 0,
  p95_ms: 0,
  p99_ms: 0,
}
export const emptySummary: MetricsSummary = {
  since: '2026-01-01T00:00:00.000Z',
  total: emptyRow,
  functions: [],
  languages: [],
  isolations: [],
}

export const linuxView: DriverView = {
  isolation: 'linux',
  available: true,
  reason: null,
  rootless: false,
  limits: { memory: 'enforced', cpu: 'enforced', processes: 'enforced', disk: 'enforced' },
  freeze: 'cgroup',
  networks: ['none'],
  notes: [],
  probe_ms: 7,
}

export const pythonView: RuntimeView = {
  name: 'python3.11',
  language: 'python',
  version: '3.11.2',
  aliases: ['python'],
  interpreter: '/usr/bin/python3.11',
}

export const invocationRecord = (requestId: string, functionId: string): InvocationRecord => ({
  requestId,
  functionId,
  functionName: 'hello',
  versionNumber: 1,
  trigger: 'invoke',
  runtime: 'python3.11',
  language: 'python',
  isolation: 'linux',
  start: 'warm',
  sandboxId: 'sandbox-1',
  outcome: 'ok',
  errorType: null,
  errorMessage: null,
  receivedAtMs: 1_700_000_000_000,
  queueMs: 0.1,
  initMs: 0,
  runMs: 2.5,
  totalMs: 2.6,
  billedMs: 3,
  memoryMb: 128,
  memoryUsedBytes: 1024,
  cpuMs: 1,
  eventBytes: 2,
  answerBytes: 4,
  logs: noLogs,
})
