// Which walls a call gets: its own wish, the function's setting as a floor, what the machine has. Never silently less.

import { ISOLATIONS, type Isolation } from '@hearth/protocol'
import type { FunctionConfig } from '../domain/function.ts'
import { HearthError } from '../domain/hearth-error.ts'
import type { Walls } from '../domain/walls.ts'

const strength = (isolation: Isolation): number => ISOLATIONS.indexOf(isolation)

/**
 * POLICY: a call may ask for stronger walls than its function's, not for weaker ones. A function set to `auto` has the
 * machine's automatic choice as its floor, so that a caller cannot talk it down either.
 */
export function chooseIsolation(
  config: Pick<FunctionConfig, 'isolation'>,
  wish: Isolation | null,
  walls: Walls,
): Isolation {
  const floor = config.isolation === 'auto' ? walls.automatic : config.isolation
  const chosen = wish ?? floor
  if (chosen === null) {
    throw new HearthError(
      'isolation_unavailable',
      'No isolation can be had on this machine. `hearth doctor` tells what each kind is missing.',
    )
  }
  if (floor !== null && strength(chosen) < strength(floor)) {
    throw new HearthError(
      'isolation_below_floor',
      `This function runs in ${floor} or stronger; ${chosen} is weaker. Change the function's isolation to allow it.`,
    )
  }
  const whyNot = walls.whyNot(chosen)
  if (whyNot !== null) throw new HearthError('isolation_unavailable', `${chosen} cannot be had here: ${whyNot}`)
  return chosen
}

/** Checks what only the walls know: whether they can give the network the function asks for. */
export function checkNetwork(config: Pick<FunctionConfig, 'network'>, isolation: Isolation, walls: Walls): void {
  if (walls.networks(isolation).includes(config.network)) return
  throw new HearthError(
    'isolation_unavailable',
    `${isolation} cannot give a function network \`${config.network}\` here.`,
  )
}
