// A thread that does package jobs, one after the other: started for the first, ended when there has been nothing to do
// for a while, killed when a job takes too long.

import { Worker } from 'node:worker_threads'
import { HearthError } from '../domain/hearth-error.ts'
import { Turnstile } from '../lib/turnstile.ts'
import type { PackageLimits } from './package-format.js'
import type { PackageJob, PackageReply, PackageResult, PackageWorkerData } from './package-worker.js'

export interface PackageThreadOptions {
  readonly dir: string
  /** URL of the module that changes the disk. */
  readonly disk: string
  readonly limits: PackageLimits
  readonly jobMs: number
  readonly idleMs: number
}

export class PackageThread {
  readonly #options: PackageThreadOptions
  readonly #turns = new Turnstile()
  #worker: Worker | null = null
  #idleTimer: NodeJS.Timeout | null = null

  constructor(options: PackageThreadOptions) {
    this.#options = options
  }

  /** Rejects with what the job met, or after the time for a job; then the thread is dead and may have left things behind. */
  run(job: PackageJob, transfer: readonly ArrayBuffer[] = []): Promise<PackageResult> {
    return this.#turns.pass('job', async () => {
      if (this.#idleTimer !== null) clearTimeout(this.#idleTimer)
      this.#worker ??= this.#start()
      this.#worker.ref()
      try {
        return await this.#do(this.#worker, job, transfer)
      } finally {
        this.#worker?.unref()
        this.#idleTimer = setTimeout(() => void this.close(), this.#options.idleMs)
        this.#idleTimer.unref()
      }
    })
  }

  async close(): Promise<void> {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer)
    this.#idleTimer = null
    const worker = this.#worker
    this.#worker = null
    await worker?.terminate()
  }

  #start(): Worker {
    const { dir, disk, limits } = this.#options
    const workerData: PackageWorkerData = { dir, disk, limits }
    const worker = new Worker(new URL('./package-worker.js', import.meta.url), {
      name: 'hearth-packages',
      workerData,
      // The flags of the main program (a test runner's loader, say) are none of this thread's business.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    })
    const forget = (): void => {
      if (this.#worker === worker) this.#worker = null
    }
    // Whoever waits for a job hears of it there; an idle thread that dies concerns nobody.
    worker.on('error', forget)
    worker.on('exit', forget)
    return worker
  }

  #do(worker: Worker, job: PackageJob, transfer: readonly ArrayBuffer[]): Promise<PackageResult> {
    return new Promise((resolve, reject) => {
      const onMessage = ({ result, error }: PackageReply): void => {
        settle()
        if (error === null) return resolve(result)
        reject(inCallersWords(error))
      }
      const onEnd = (why: unknown): void => {
        settle()
        reject(new Error('the thread that unpacks packages died', { cause: why }))
      }
      const deadline = setTimeout(() => {
        settle()
        this.#worker = null
        const seconds = this.#options.jobMs / 1000
        const late = new HearthError('storage_unavailable', `The package could not be stored within ${seconds} s.`)
        worker.terminate().then(() => reject(late), reject)
      }, this.#options.jobMs)
      const settle = (): void => {
        clearTimeout(deadline)
        worker.off('message', onMessage)
        worker.off('error', onEnd)
        worker.off('exit', onEnd)
      }
      worker.on('message', onMessage)
      worker.on('error', onEnd)
      worker.on('exit', onEnd)
      worker.postMessage(job, transfer)
    })
  }
}

function inCallersWords({ kind, message, code }: NonNullable<PackageReply['error']>): Error {
  if (kind === 'refused') return new HearthError('invalid_package', message)
  if (kind === 'fault') return new Error(message)
  // The message of the system names a path on this server: that is for the log.
  return new HearthError(
    'storage_unavailable',
    `The package could not be stored: ${whyNot(code)}. Nothing was changed.`,
    {
      cause: new Error(message),
      retryAfterSeconds: 5,
    },
  )
}

function whyNot(code: string): string {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return "there is no space left on the server's disk"
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return "the server's data folder is read-only for it"
    default:
      return `the server's disk failed (${code})`
  }
}
