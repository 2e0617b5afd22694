// The composition root: builds everything, in the order in which each can rely on what is there already, and takes it
// down in reverse. The only file that names concrete classes.

import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'
import type { DriverView, Isolation, RuntimeView } from '@hearth/protocol'
import { startControlDoor } from './api/control-door.ts'
import { FileArtifactStore } from './artifacts/file-artifact-store.ts'
import { FunctionCatalog } from './catalog/function-catalog.ts'
import { KeyCatalog } from './catalog/key-catalog.ts'
import type { Config } from './config.ts'
import { systemClock } from './domain/clock.ts'
import type { Version } from './domain/function.ts'
import { HearthError } from './domain/hearth-error.ts'
import { Lifecycle } from './domain/lifecycle.ts'
import type { Log } from './domain/log.ts'
import type { RuntimeCatalog } from './domain/runtime.ts'
import type { ProbeReport, SandboxDriver } from './domain/sandbox.ts'
import { GuardedDriver } from './drivers/guarded-driver.ts'
import { LinuxDriver } from './drivers/linux/linux-driver.ts'
import { ProbedWalls } from './drivers/probed-walls.ts'
import { ProcessDriver } from './drivers/process/process-driver.ts'
import { startFunctionsDoor } from './gateway/functions-door.ts'
import { InvokeDoor } from './gateway/invoke-door.ts'
import { Doorkeeper } from './http/doorkeeper.ts'
import { HostRuntimes } from './images/host-runtimes.ts'
import { announceFinished, CallInvoker } from './invoke/invoker.ts'
import { type FolderLock, lockFolder } from './lib/folder-lock.ts'
import { uuidSource } from './lib/uuid.ts'
import { Scheduler } from './scheduler/scheduler.ts'
import { SqliteStore } from './store/sqlite/sqlite-store.ts'
import { InvocationRecorder } from './telemetry/invocation-recorder.ts'
import { MetricsBook } from './telemetry/metrics-book.ts'
import { SandboxCensus } from './telemetry/sandbox-census.ts'
import { ServerMetrics } from './telemetry/server-metrics.ts'
import { packageVersion } from './version.ts'

/** What this machine offers, built without a store: all that the doctor needs. */
export interface Machine {
  readonly walls: ProbedWalls
  readonly runtimes: RuntimeCatalog
  readonly drivers: ReadonlyMap<Isolation, SandboxDriver>
  driverViews(): DriverView[]
  runtimeViews(): RuntimeView[]
  close(): Promise<void>
}

/** `sweep` removes what a dead server of the same data folder left; only the folder's owner may do that. */
export async function openMachine(config: Config, log: Log, { sweep = false } = {}): Promise<Machine> {
  const dataDir = makePrivate(config.dataDir)
  const runDir = makePrivate(join(dataDir, 'run', randomBytes(6).toString('hex')))
  // Whoever may not sweep must not even be able to: what it makes has names of its own, or a doctor's leaving would take
  // a running server's sandboxes along.
  const owner = sweep ? dataDir : runDir
  const ownerTag = createHash('sha256').update(owner).digest('hex').slice(0, 8)
  const runtimes = await HostRuntimes.discover(log)
  const parts = { ownerTag, runDir, runtimes, log }
  const all: SandboxDriver[] = [new ProcessDriver(parts), new LinuxDriver(parts)]
  // Of every kind, also of those not used this time: an earlier server may have used them. Processes first: they are
  // known by what lies in the dead server's folder, which the other removes whole.
  if (sweep) for (const driver of all) await sweepBehind(driver, log)
  // No walls, and therefore not even tried unless somebody asks for it.
  const offered = all.filter(({ isolation }) => isolation !== 'process' || config.isolation === 'process')
  const drivers = new Map(offered.map((driver) => [driver.isolation, new GuardedDriver(driver, log) as SandboxDriver]))
  const walls = await ProbedWalls.probe(drivers, config.isolation)
  return {
    walls,
    runtimes,
    drivers,
    driverViews: () => walls.reports.map((report) => driverView(report, drivers.get(report.isolation))),
    runtimeViews: () =>
      runtimes.list().map(({ name, language, languageVersion, aliases, interpreter }) => ({
        name,
        language,
        version: languageVersion,
        aliases: [...aliases],
        interpreter,
      })),
    close: async () => {
      await Promise.all([...drivers.values()].map((driver) => driver.close()))
      await rm(runDir, { recursive: true, force: true })
    },
  }
}

async function sweepBehind(driver: SandboxDriver, log: Log): Promise<void> {
  const swept = await driver.sweep()
  if (Object.values(swept).every((count) => count === 0)) return
  log.info({ isolation: driver.isolation, ...swept }, 'removed what an earlier server left behind')
}

export interface Readiness {
  readonly ready: true
  readonly control: string
  readonly functions: string
  readonly pid: number
  readonly isolation: string
}

/** A running Hearth. */
export class Hearth {
  readonly readiness: Readiness
  /** For people, on the terminal. */
  readonly greeting: string
  readonly #stop: () => Promise<void>
  #stopped: Promise<void> | null = null

  private constructor(readiness: Readiness, greeting: string, stop: () => Promise<void>) {
    this.readiness = readiness
    this.greeting = greeting
    this.#stop = stop
  }

  /** Takes no new calls, finishes the ones under way, leaves nothing behind. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  static async start(config: Config, log: Log): Promise<Hearth> {
    // What has been built so far, to be taken down in reverse: at the end of a life, or of a start that failed.
    const teardown: { readonly name: string; readonly run: () => Promise<unknown> }[] = []
    const takeDown = async (): Promise<void> => {
      for (let step = teardown.pop(); step !== undefined; step = teardown.pop()) {
        try {
          await step.run()
        } catch (fault) {
          log.error({ err: fault }, `${step.name} did not stop cleanly`)
        }
      }
    }
    try {
      return await Hearth.#build(config, log, teardown, takeDown)
    } catch (fault) {
      await takeDown()
      throw fault
    }
  }

  static async #build(
    config: Config,
    log: Log,
    teardown: { readonly name: string; readonly run: () => Promise<unknown> }[],
    takeDown: () => Promise<void>,
  ): Promise<Hearth> {
    const keep = (name: string, run: () => Promise<unknown>): void => void teardown.push({ name, run })
    const clock = systemClock
    const nextId = uuidSource(clock.wallMs)
    const dataDir = makePrivate(config.dataDir)
    const lock = await takeLock(dataDir)
    keep('the lock', () => lock.release())

    const store = new SqliteStore({ path: join(dataDir, 'hearth.db'), log })
    const [machine] = await Promise.all([openMachine(config, log, { sweep: true }), store.open()])
    keep('the store', () => store.close())
    keep('the drivers', () => machine.close())
    const { walls, runtimes, drivers } = machine
    const artifacts = new FileArtifactStore({ dir: join(dataDir, 'code'), log })
    keep('the code store', () => artifacts.close())

    const lifecycle = new Lifecycle((fault) => log.error({ err: fault }, 'a listener failed'))
    const book = new MetricsBook(lifecycle, clock.wallMs())
    // Beside everything else: a day of a busy server takes seconds to read.
    book
      .load(store.invocations)
      .catch((fault) => log.warn({ err: fault }, 'the metrics of the last day are incomplete'))
    const recorder = new InvocationRecorder(
      { store: store.invocations, lifecycle, clock, log },
      { keep: config.retentionRecords, keepMs: config.retentionDays * 24 * 3600 * 1000 },
    )
    keep('the recorder', () => recorder.close())
    const metrics = new ServerMetrics({ metrics: book, recorder, census: new SandboxCensus(lifecycle) })
    keep('the metrics', async () => metrics.close())

    const scheduler = new Scheduler(
      {
        drivers,
        runtimes,
        artifacts,
        newSandboxId: nextId,
        onFinished: announceFinished(lifecycle, clock),
        clock,
        lifecycle,
        log,
      },
      {
        processors: cpus().length,
        sandboxesMax: config.maxSandboxes,
        memoryMbMax: config.memoryBudgetMb,
        instancesMax: config.maxInstances,
        queueLimit: config.queueLimit,
        queueWaitMaxMs: config.queueWaitMs,
        keepAliveMs: config.keepAliveSeconds * 1000,
        genericPoolSize: config.poolSize,
        locality: { region: config.region, accountId: config.accountId },
      },
    )
    keep('the scheduler', () => scheduler.close())

    const functions = new FunctionCatalog({
      store: store.functions,
      artifacts,
      runtimes,
      walls,
      clock,
      nextId,
      onRetired: (versionId) => scheduler.retire(versionId),
      onLive: (version) => warmUp(version, scheduler, machine),
    })
    await functions.load()
    await functions.sweepCode()
    const keys = new KeyCatalog({ store: store.keys, clock, log })
    await keys.load()
    const newAdminKey = await keys.ensureAdmin(config.adminKey)
    keys.start()
    keep('the keys', () => keys.stop())
    if (newAdminKey !== null) writePrivate(join(dataDir, 'admin.key'), `${newAdminKey}\n`)

    const invoker = new CallInvoker({ runner: scheduler, walls, lifecycle })
    const doorkeeper = new Doorkeeper({ keys, nowMs: clock.nowMs })
    const doors = { functions, invoker, doorkeeper, clock, nextId, log, host: config.host }
    const functionsDoor = await startFunctionsDoor({ ...doors, port: config.functionsPort })
    keep('the functions port', () => functionsDoor.drain(config.drainSeconds * 1000))
    let draining = false
    const controlDoor = await startControlDoor({
      ...doors,
      port: config.port,
      allowedHosts: config.allowedHosts,
      keys,
      invocations: recorder,
      metrics,
      drivers: machine.driverViews,
      runtimes: machine.runtimeViews,
      functionsUrl: () => functionsDoor.address,
      takeCall: new InvokeDoor(doors).take,
      isReady: () => !draining,
      version: packageVersion,
    })
    keep('the control port', async () => {
      draining = true
      // Both at once: calls come through either, and the time to finish is one.
      await Promise.all([
        controlDoor.drain(config.drainSeconds * 1000),
        functionsDoor.drain(config.drainSeconds * 1000),
      ])
      await controlDoor.close()
    })

    const readiness: Readiness = {
      ready: true,
      control: controlDoor.address,
      functions: functionsDoor.address,
      pid: process.pid,
      isolation: walls.automatic ?? 'none',
    }
    writePrivate(join(dataDir, 'server.json'), `${JSON.stringify(readiness)}\n`)
    keep('the notice of where it is', () => rm(join(dataDir, 'server.json'), { force: true }))
    for (const { latest } of functions.all()) warmUp(latest, scheduler, machine)
    return new Hearth(readiness, greetingOf(readiness, walls, newAdminKey, dataDir), takeDown)
  }
}

function greetingOf(
  { control, functions, isolation }: Readiness,
  walls: ProbedWalls,
  newAdminKey: string | null,
  dataDir: string,
): string {
  const lines = [
    `Hearth ${packageVersion} is running.`,
    '',
    `  Control, API and documentation   ${control}/docs`,
    `  Functions' own routes            ${functions}`,
    `  Isolation                        ${isolation}`,
  ]
  if (walls.automatic === null || walls.whyNot(walls.automatic) !== null) {
    lines.push('', '  Functions cannot run yet: `npx hearth doctor` tells what each kind of isolation is missing here.')
  }
  if (newAdminKey !== null) {
    lines.push('', `  Admin key, shown only this once  ${newAdminKey}`)
    lines.push(`  A copy for the command line      ${join(dataDir, 'admin.key')}`)
  }
  return `${lines.join('\n')}\n\n`
}

function driverView(report: ProbeReport, driver: SandboxDriver | undefined): DriverView {
  const capabilities = driver?.capabilities
  return {
    isolation: report.isolation,
    available: report.available,
    reason: report.reason,
    rootless: capabilities?.rootless ?? false,
    limits: capabilities?.limits ?? { memory: 'none', cpu: 'none', processes: 'none', disk: 'none' },
    freeze: capabilities?.freeze ?? 'none',
    networks: [...(capabilities?.networks ?? [])],
    notes: [...report.notes],
    probe_ms: report.startMs,
  }
}

/** Keeps a runtime booted for the version's first call. */
function warmUp({ config }: Version, scheduler: Scheduler, { walls, runtimes }: Machine): void {
  const isolation = config.isolation === 'auto' ? walls.automatic : config.isolation
  const runtime = runtimes.find(config.runtime)
  if (isolation !== null && runtime !== null && walls.whyNot(isolation) === null) scheduler.expect(isolation, runtime)
}

async function takeLock(dataDir: string): Promise<FolderLock> {
  const lock = await lockFolder(dataDir)
  if (lock !== null) return lock
  throw new HearthError(
    'storage_unavailable',
    `The data folder ${dataDir} is in use by another Hearth. Stop it, or give this one a folder of its own with --data-dir.`,
  )
}

/** Makes the folder if need be, for this user only, and returns its real path. */
function makePrivate(folder: string): string {
  makeFolder(folder)
  chmodSync(folder, 0o700)
  return realpathSync(folder)
}

/** Not with Node's own `recursive`, which never returns where a file system refuses a folder as if its parent were missing. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (fault) {
    const { code } = fault as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(folder).isDirectory()) return
    if (code !== 'ENOENT' || dirname(folder) === folder) throw fault
    makeFolder(dirname(folder))
    mkdirSync(folder, { mode: 0o700 })
  }
}

function writePrivate(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 })
  chmodSync(file, 0o600)
}
