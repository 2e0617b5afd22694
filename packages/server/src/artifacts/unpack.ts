// Unpacks an archive in a worker thread under a deadline.

import { Worker } from 'node:worker_threads'
import { LIMITS } from '@hearth/protocol'
import { HearthError } from '../domain/hearth-error.ts'
import { diskFault } from './disk-fault.ts'

export interface PackedFile {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
}

type Report =
  | { readonly files: readonly PackedFile[] }
  | { readonly refusal: string }
  | { readonly diskFault: { readonly code: string; readonly message: string } }

/** A package of the largest allowed size takes seconds; one that takes longer was made to. */
const deadlineMs = 60_000

/** Fills `folder`, which must be empty, or rejects: then what is in it is the caller's to remove. */
export async function unpack(archive: Uint8Array, folder: string): Promise<readonly PackedFile[]> {
  const limits = { entries: LIMITS.zipEntries, pathBytes: LIMITS.zipPathBytes, bytes: LIMITS.unzippedBytes }
  const worker = new Worker(new URL('./unpack-worker.js', import.meta.url), {
    workerData: { archive, folder, limits },
    resourceLimits: { maxOldGenerationSizeMb: 256 },
    stderr: true,
  })
  let timer: NodeJS.Timeout | null = null
  try {
    const report = await new Promise<Report>((resolve) => {
      timer = setTimeout(() => resolve({ refusal: 'It takes too long to unpack.' }), deadlineMs)
      worker.once('message', resolve)
      worker.once('error', () => resolve({ refusal: 'It cannot be unpacked within reasonable memory.' }))
      worker.once('exit', () => resolve({ refusal: 'It cannot be unpacked.' }))
    })
    if ('files' in report) return report.files
    if ('diskFault' in report) throw diskFault(report.diskFault)
    throw new HearthError(
      'invalid_package',
      `Could not unzip uploaded file. Please check your file, then try to upload again. ${report.refusal}`,
    )
  } finally {
    if (timer !== null) clearTimeout(timer)
    // Also after an answer: whoever removes the folder must be the only one in it.
    await worker.terminate()
  }
}
