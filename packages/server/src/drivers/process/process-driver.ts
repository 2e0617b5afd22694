// No walls: the runtime is a child process like any other, with the server's own rights. For machines where nothing
// better can be had and somebody has said so on purpose. Limits are kept where the machine gives the means; they are a
// help against accidents, not against intent.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Duplex } from 'node:stream'
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
import type { Cgroup, CgroupHost } from '../../lib/cgroup/cgroup.ts'
import { detectCgroups } from '../../lib/cgroup/detect-cgroups.ts'
import { identify, killIdentified } from './process-identity.ts'
import { cgroupLimits, ProcessSandbox } from './process-sandbox.ts'

export interface ProcessDriverOptions {
  readonly ownerTag: string
  /** Folder of this server life, named by its boot id. */
  readonly runDir: string
  readonly runtimes: Pick<RuntimeCatalog, 'list'>
  readonly log: Log
}

const bootId = /^[0-9a-f]{12}$/
const probeWithinMs = 8_000

/** Joins its control group before it becomes the runtime, so that not a single instruction of that is uncounted. */
const joinThenRun = 'for file in $HEARTH_JOIN; do echo 0 > "$file" || exit 126; done; unset HEARTH_JOIN; exec "$@"'

export class ProcessDriver implements SandboxDriver {
  readonly isolation = 'process'
  readonly capabilities: DriverCapabilities
  readonly #options: ProcessDriverOptions
  readonly #folder: string
  readonly #cgroups: CgroupHost | null
  readonly #cgroupPrefix: string
  readonly #sandboxes = new Set<ProcessSandbox>()

  constructor(options: ProcessDriverOptions) {
    this.#options = options
    this.#folder = join(options.runDir, 'process')
    this.#cgroups = detectCgroups().host
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
    const folder = join(this.#folder, spec.id)
    await mkdir(join(folder, 'tmp'), { recursive: true, mode: 0o700 })
    await mkdir(join(folder, 'task'))
    let cgroup: Cgroup | null = null
    let child: ChildProcess | null = null
    try {
      cgroup = this.#cgroups?.create(`${this.#cgroupPrefix}/${spec.id}`, cgroupLimits(spec.limits)) ?? null
      child = await started(this.#spawn(spec, folder, cgroup))
      signal.throwIfAborted()
      await writeFile(join(folder, 'process.json'), JSON.stringify(await identify(child.pid ?? 0)))
      const sandbox = new ProcessSandbox(spec, folder, child, child.stdio[3] as Duplex, cgroup, () =>
        this.#sandboxes.delete(sandbox),
      )
      this.#sandboxes.add(sandbox)
      return sandbox
    } catch (fault) {
      child?.kill('SIGKILL')
      await cgroup?.remove()
      await rm(folder, { recursive: true, force: true })
      throw fault
    }
  }

  #spawn({ runtime }: SandboxSpec, folder: string, cgroup: Cgroup | null): ChildProcess {
    const runtimeCommand = [runtime.interpreter, ...runtime.flags, join(runtime.programDir, runtime.program), 'fd:3']
    return spawn('/bin/sh', ['-c', joinThenRun, 'sh', ...runtimeCommand], {
      cwd: join(folder, 'task'),
      // Nothing of the server's own environment.
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        HOME: join(folder, 'tmp'),
        TMPDIR: join(folder, 'tmp'),
        HEARTH_JOIN: cgroup?.joinFiles.join(' ') ?? '',
      },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      // A session of its own: what it starts can be found and ended together.
      detached: true,
    })
  }

  async sweep(): Promise<SweepReport> {
    const swept = { processes: 0, cgroups: 0, folders: 0, links: 0 }
    if (this.#cgroups !== null) {
      const removed = await this.#cgroups.removeTree(this.#cgroupPrefix)
      swept.processes += removed.processes
      swept.cgroups += removed.cgroups
    }
    const runs = dirname(this.#options.runDir)
    for (const run of await readdir(runs).catch(() => [])) {
      const past = join(runs, run, 'process')
      if (!bootId.test(run) || past === this.#folder) continue
      for (const id of await readdir(past).catch(() => [])) {
        const identity = await readFile(join(past, id, 'process.json'), 'utf8').catch(() => null)
        if (identity !== null && (await killIdentified(JSON.parse(identity)))) swept.processes += 1
        swept.folders += 1
      }
      await rm(past, { recursive: true, force: true })
    }
    return swept
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sandboxes].map((sandbox) => sandbox.destroy()))
    await this.#cgroups?.removeTree(this.#cgroupPrefix)
    await rm(this.#folder, { recursive: true, force: true })
  }
}

const started = (child: ChildProcess): Promise<ChildProcess> =>
  new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child))
    child.once('error', reject)
  })
