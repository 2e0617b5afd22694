// No walls: the runtime is a child process like any other, with the server's own rights. For machines where nothing
// better can be had and somebody has said so on purpose. Limits are kept where the machine gives the means; they are a
// help against accidents, not against intent.

import type { ChildProcess } from 'node:child_process'
import { mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { HearthError } from '../../domain/hearth-error.ts'
import type { Log } from '../../domain/log.ts'
import type { RuntimeCatalog } from '../../domain/runtime.ts'
import type {
  DriverCapabilities,
  ProbeReport,
  Sandbox,
  SandboxDriver,
  SandboxSpec,
  SweepReport,
} from '../../domain/sandbox.ts'
import type { Cgroup, CgroupDetection, CgroupHost } from '../../lib/cgroup/cgroup.ts'
import { detectCgroups } from '../../lib/cgroup/detect-cgroups.ts'
import { linkTree } from '../../lib/link-tree.ts'
import { killMarked, killRecorded } from './process-identity.ts'
import { cgroupLimits, endProcesses, markOf, ProcessSandbox } from './process-sandbox.ts'
import { hasBegun, identityFile, spawnRuntime } from './start-process.ts'

export interface ProcessDriverOptions {
  readonly ownerTag: string
  /** Folder of this server life, named by its boot id. */
  readonly runDir: string
  readonly runtimes: Pick<RuntimeCatalog, 'list'>
  readonly log: Log
  /** For tests; else what the machine has. */
  readonly cgroups?: CgroupDetection
}

const bootId = /^[0-9a-f]{12}$/
const probeWithinMs = 8_000

export class ProcessDriver implements SandboxDriver {
  readonly isolation = 'process'
  readonly capabilities: DriverCapabilities
  readonly #options: ProcessDriverOptions
  readonly #folder: string
  readonly #cgroups: CgroupHost | null
  readonly #cgroupPrefix: string
  readonly #sandboxes = new Set<ProcessSandbox>()
  #closed = false

  constructor(options: ProcessDriverOptions) {
    this.#options = options
    this.#folder = join(options.runDir, 'process')
    this.#cgroups = (options.cgroups ?? detectCgroups()).host
    this.#cgroupPrefix = `hearth/${options.ownerTag}-process`
    const strength = this.#cgroups === null ? 'none' : 'enforced'
    this.capabilities = {
      limits: { memory: strength, cpu: strength, processes: strength, disk: 'none' },
      freeze: this.#cgroups === null ? 'signals' : 'cgroup',
      injectsLate: true,
      // It has the host's network, whatever a function asks for.
      networks: ['none', 'egress'],
      rootless: process.getuid?.() !== 0,
    }
  }

  async probe(): Promise<ProbeReport> {
    const notes = [
      'no walls: every function can do what the server can do, its network and files included',
      ...(this.#cgroups === null
        ? ['no control groups here: limits on memory, processor and processes are not enforced']
        : []),
    ]
    const report = (reason: string | null, startMs: number | null): ProbeReport => ({
      isolation: this.isolation,
      available: reason === null,
      reason,
      notes,
      startMs,
    })
    const [runtime] = this.#options.runtimes.list()
    if (runtime === undefined) return report('no runtime was found on this machine', null)
    const startedMs = performance.now()
    try {
      const signal = AbortSignal.timeout(probeWithinMs)
      const sandbox = await this.create(
        {
          id: `probe-process-${process.pid}`,
          runtime,
          limits: { memoryMb: 512, cpus: 1, processes: 64, openFiles: 256, tmpMb: 16, tmpInodes: 1000 },
          network: 'none',
          codeDir: null,
        },
        signal,
      )
      try {
        await Promise.race([
          new Promise((resolve) => sandbox.channel.once('data', resolve)),
          sandbox.exited.then(({ code }) => Promise.reject(new Error(`${runtime.name} ended with status ${code}`))),
          new Promise((_, reject) =>
            signal.addEventListener('abort', () => reject(new Error(`${runtime.name} said nothing`))),
          ),
        ])
        return report(null, performance.now() - startedMs)
      } finally {
        await sandbox.destroy('probed')
      }
    } catch (fault) {
      return report(`a process could not be started: ${fault instanceof Error ? fault.message : fault}`, null)
    }
  }

  async create(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    signal.throwIfAborted()
    if (this.#closed) throw new HearthError('draining', 'the server is shutting down')
    const folder = join(this.#folder, spec.id)
    let cgroup: Cgroup | null = null
    let child: ChildProcess | null = null
    const onAbort = (): void => void child?.kill('SIGKILL')
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await mkdir(join(folder, 'tmp'), { recursive: true, mode: 0o700 })
      await mkdir(join(folder, 'task'))
      if (spec.codeDir !== null) await linkTree(spec.codeDir, join(folder, 'task'))
      signal.throwIfAborted()
      cgroup = this.#cgroups?.create(`${this.#cgroupPrefix}/${spec.id}`, cgroupLimits(spec.limits)) ?? null
      child = spawnRuntime(spec, { folder, joinFiles: cgroup?.joinFiles ?? [] })
      for (const stream of child.stdio) stream?.on('error', () => {}) // they break when the guest dies; its exit says how
      await hasBegun(child)
      signal.throwIfAborted()
      const onGone = (): void => void this.#sandboxes.delete(sandbox)
      const sandbox: ProcessSandbox = new ProcessSandbox({ spec, folder, child, cgroup, onGone })
      this.#sandboxes.add(sandbox)
      return sandbox
    } catch (fault) {
      if (child?.pid !== undefined) await endProcesses({ pid: child.pid, folder, cgroup })
      else await cgroup?.remove()
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
      if (signal.aborted) throw signal.reason
      throw new HearthError('start_failed', `a process could not be started: ${(fault as Error).message}`, {
        cause: fault,
      })
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  async sweep(): Promise<SweepReport> {
    const gone = (await this.#cgroups?.removeTree(this.#cgroupPrefix)) ?? { processes: 0, cgroups: 0 }
    const runs = dirname(this.#options.runDir)
    const own = basename(this.#options.runDir)
    let folders = 0
    let processes = gone.processes
    for (const run of (await readdir(runs).catch(() => [])).filter((name) => bootId.test(name) && name !== own)) {
      const past = join(runs, run, 'process')
      for (const id of await readdir(past).catch(() => [])) {
        const identity = await readFile(identityFile(join(past, id)), 'utf8').catch(() => '')
        if (killRecorded(identity)) processes += 1
        folders += 1
      }
      await rm(past, { recursive: true, force: true, maxRetries: 3 })
      await rmdir(join(runs, run)).catch(() => {}) // not if another driver still has something there
    }
    // By what they run in, too: a folder may be gone already, and with it the note of who they are.
    processes += killMarked({ folder: new RegExp(`${markOf(runs).source}(?!${own}/)[0-9a-f]{12}/process/`) })
    return { processes, cgroups: gone.cgroups, folders, links: 0 }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#sandboxes].map((sandbox) => sandbox.destroy()))
    await this.#cgroups?.removeTree(this.#cgroupPrefix)
    await rm(this.#folder, { recursive: true, force: true })
  }
}
