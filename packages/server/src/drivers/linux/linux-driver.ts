// Sandboxes from what every Linux has: namespaces, control groups, a system call filter, a root of their own.
// The walls themselves are built by the launcher (launcher/walls.py); docs/drivers.md tells the steps.

import { mkdirSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
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
import type { CgroupDetection } from '../../lib/cgroup/cgroup.ts'
import { detectCgroups } from '../../lib/cgroup/detect-cgroups.ts'
import { ChannelDoor } from './channel-door.ts'
import { Egress } from './egress.ts'
import { explain } from './explain.ts'
import { findPythons } from './find-python.ts'
import { type HoldingsPlace, takeHoldings } from './holdings.ts'
import { Launcher, LauncherFault } from './launcher.ts'
import { LauncherKeeper } from './launcher-keeper.ts'
import { LinuxSandbox } from './linux-sandbox.ts'
import { discardOutputPipes, openOutputPipes } from './output-pipes.ts'
import { probeLinux } from './probe.ts'
import { removeSandbox } from './remove-sandbox.ts'
import { countsProcessesPerNamespace } from './rootless.ts'
import { processorOf, seccompFilter } from './seccomp.ts'
import { checkInterpreter, startRequest } from './start-request.ts'
import { UidPool, uidRange } from './uid-pool.ts'

export interface LinuxDriverOptions {
  /** 8 hex digits that name what we make outside of the data folder. */
  readonly ownerTag: string
  /** Folder of this server life, named by its boot id, which only the server can enter. */
  readonly runDir: string
  /** For the probe, and for finding a Python for the launcher. */
  readonly runtimes: Pick<RuntimeCatalog, 'list'>
  readonly log: Log
  /** Runs the launcher; found when not given. */
  readonly python?: string
  /** For tests; else what the machine has. */
  readonly cgroups?: CgroupDetection
}

const START_WITHIN_MS = 10_000
const BOOT_ID = /^[0-9a-f]{12}$/

export class LinuxDriver implements SandboxDriver {
  readonly isolation = 'linux'
  readonly #options: LinuxDriverOptions
  readonly #rootless = process.getuid?.() !== 0
  readonly #folder: string
  readonly #egress: Egress
  readonly #cgroups: CgroupDetection
  readonly #launchers = new LauncherKeeper(() => this.#startLauncher())
  readonly #sandboxes = new Set<LinuxSandbox>()
  #capabilities: DriverCapabilities
  #place: Promise<HoldingsPlace> | null = null
  #door: Promise<ChannelDoor> | null = null
  #closed = false

  constructor(options: LinuxDriverOptions) {
    this.#options = options
    this.#folder = join(options.runDir, 'linux')
    this.#egress = new Egress(options.ownerTag, options.log)
    this.#cgroups = options.cgroups ?? detectCgroups()
    const grouped = this.#cgroups.host !== null
    this.#capabilities = {
      limits: {
        memory: grouped ? 'enforced' : 'per-process',
        cpu: grouped ? 'enforced' : 'none',
        processes: grouped || countsProcessesPerNamespace() ? 'enforced' : 'none',
        disk: 'enforced',
      },
      freeze: grouped ? 'cgroup' : 'signals',
      injectsLate: true,
      networks: ['none'],
      rootless: this.#rootless,
    }
  }

  get capabilities(): DriverCapabilities {
    return this.#capabilities
  }

  async probe(): Promise<ProbeReport> {
    const { report, egress } = await probeLinux({
      driver: this,
      runtimes: this.#options.runtimes.list(),
      rootless: this.#rootless,
      cgroups: this.#cgroups,
      whyNoEgress: () => this.#egress.whyNot(),
    })
    this.#capabilities = { ...this.#capabilities, networks: egress ? ['none', 'egress'] : ['none'] }
    return report
  }

  async create(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    signal.throwIfAborted()
    if (spec.network === 'egress' && this.#rootless) {
      throw new HearthError('isolation_unavailable', 'the linux driver gives sandboxes a network only when run as root')
    }
    try {
      return await this.#create(spec, signal)
    } catch (fault) {
      if (signal.aborted) throw signal.reason
      if (fault instanceof HearthError) throw fault
      const reason = explain((fault as Error).message, this.#rootless)
      throw new HearthError('start_failed', `a sandbox could not be started: ${reason}`, { cause: fault })
    }
  }

  async #create(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    checkInterpreter(spec.runtime)
    if (this.#closed) throw new HearthError('draining', 'the server is shutting down')
    const [launcher, door, place] = await Promise.all([this.#launchers.running(), this.#openDoor(), this.#openPlace()])
    const resolvConf = spec.network === 'egress' ? await this.#egress.resolvConf() : null
    const { log } = this.#options
    const holdings = await takeHoldings(place, spec)
    const expected = door.expect()
    const request = startRequest({ spec, holdings, token: expected.token, resolvConf })
    const init = launcher.launch(request, (pid) =>
      holdings.lease === null ? Promise.resolve() : this.#egress.connect(holdings.lease, pid),
    )
    const giveUp = (reason: unknown) => {
      init.kill()
      expected.cancel(reason as Error)
    }
    const onAbort = () => giveUp(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const timer = setTimeout(() => giveUp(new Error(`nothing ran after ${START_WITHIN_MS} ms`)), START_WITHIN_MS)
    try {
      init.started.catch(giveUp)
      const [channel] = await Promise.all([expected.channel, init.started])
      signal.throwIfAborted()
      const outputs = openOutputPipes(this.#folder, spec.id)
      init.outputsTaken()
      const onDestroyed = () => this.#sandboxes.delete(sandbox)
      const sandbox: LinuxSandbox = new LinuxSandbox({ spec, channel, ...outputs, init, holdings, log, onDestroyed })
      this.#sandboxes.add(sandbox)
      return sandbox
    } catch (fault) {
      giveUp(fault)
      void expected.channel.then((channel) => channel.destroy()).catch(() => {})
      init.outputsTaken()
      await removeSandbox({ id: spec.id, init, holdings, log }, 'it could not be started')
      discardOutputPipes(this.#folder, spec.id) // not earlier: the launcher may only just have made them
      throw fault
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
  }

  async sweep(): Promise<SweepReport> {
    const { host } = this.#cgroups
    const gone = (await host?.removeTree(this.#cgroupPrefix)) ?? { processes: 0, cgroups: 0 }
    // Mounts need no sweeping: they were in the dead launcher's own mount namespace and went with it.
    const folders = await this.#removeOtherLives()
    const links = this.#rootless ? 0 : await this.#egress.sweep()
    return { ...gone, folders, links }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.all([...this.#sandboxes].map((sandbox) => sandbox.destroy('the server is shutting down')))
    await this.#launchers.close()
    await (await this.#door)?.close()
    await this.#cgroups.host?.removeTree(this.#cgroupPrefix)
    await this.#egress.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  get #cgroupPrefix(): string {
    return `hearth/${this.#options.ownerTag}`
  }

  async #removeOtherLives(): Promise<number> {
    const runs = dirname(this.#options.runDir)
    const own = basename(this.#options.runDir)
    const others = (await readdir(runs).catch(() => [])).filter((name) => BOOT_ID.test(name) && name !== own)
    for (const name of others) await rm(join(runs, name), { recursive: true, force: true })
    return others.length
  }

  #openPlace(): Promise<HoldingsPlace> {
    this.#place ??= this.#makePlace()
    return this.#place
  }

  async #makePlace(): Promise<HoldingsPlace> {
    const uids = this.#rootless
      ? null
      : new UidPool(uidRange(this.#options.ownerTag, await readFile('/proc/self/uid_map', 'utf8')))
    const folder = join(this.#folder, 'sandboxes')
    return { cgroupPrefix: this.#cgroupPrefix, cgroups: this.#cgroups.host, uids, egress: this.#egress, folder }
  }

  #openDoor(): Promise<ChannelDoor> {
    this.#door ??= ChannelDoor.open(this.#makeFolder())
    return this.#door
  }

  async #startLauncher(): Promise<Launcher> {
    const { python, runtimes, log } = this.#options
    const processor = processorOf(process.arch)
    if (processor === null) throw new Error(`there is no system call filter for ${process.arch} processors`)
    const folder = this.#makeFolder()
    const seccomp = seccompFilter(processor, { frozenBySignals: this.capabilities.freeze === 'signals' })
    let firstFault: unknown = new Error('the linux driver needs Python 3.7 or later, and no python3 was found')
    for (const [index, each] of (python === undefined ? findPythons(runtimes.list()) : [python]).entries()) {
      try {
        return await Launcher.start({ python: each, folder, seccomp, log })
      } catch (fault) {
        if (index === 0) firstFault = fault
        // Another Python helps against an old or broken one, not against the kernel.
        if (fault instanceof LauncherFault && fault.isKernels) break
      }
    }
    throw firstFault
  }

  #makeFolder(): string {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    return this.#folder
  }
}
