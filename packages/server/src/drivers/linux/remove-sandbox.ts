// Ends every process of a sandbox and removes every trace, however long that takes.

import type { Log } from '../../domain/log.ts'
import type { Holdings } from './holdings.ts'
import type { Init } from './launcher.ts'

const DIE_WITHIN_MS = 5_000
const RETRY_MS = 5_000

export interface Removal {
  readonly id: string
  readonly init: Init
  readonly holdings: Holdings
  readonly log: Log
}

/**
 * Resolves when all is gone, or when that failed: then the sandbox is condemned. Its user id, cgroup and folder stay taken,
 * and it is tried again in the background until it works.
 */
export const removeSandbox = async (removal: Removal, reason: string): Promise<void> => {
  await killed(removal)
  if (await released(removal)) return
  removal.log.error({ sandbox: removal.id, reason }, 'a sandbox could not be removed; it is kept apart and retried')
  retryLater(removal)
}

/** Process 1 takes all others with it, and nothing can be forked meanwhile. */
const killed = async ({ id, init, holdings, log }: Removal): Promise<void> => {
  init.kill()
  try {
    // Thaws it too: where the freezer is of version 1, a frozen process does not die.
    if (!init.hasExited) holdings.cgroup?.kill()
  } catch (fault) {
    log.warn({ sandbox: id, fault }, 'a control group could not be killed')
  }
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DIE_WITHIN_MS)
  })
  await Promise.race([init.exited, patience])
  clearTimeout(timer)
}

/** Nothing is given back while a process may still be alive. */
const released = async ({ id, init, holdings, log }: Removal): Promise<boolean> => {
  if (!init.hasExited) return false
  try {
    await holdings.release()
    return true
  } catch (fault) {
    log.warn({ sandbox: id, fault }, 'a sandbox left something behind')
    return false
  }
}

const retryLater = (removal: Removal): void => {
  const retry = async () => {
    removal.init.kill()
    if (await released(removal)) removal.log.info({ sandbox: removal.id }, 'a condemned sandbox is gone')
    else retryLater(removal)
  }
  setTimeout(retry, RETRY_MS).unref()
}
