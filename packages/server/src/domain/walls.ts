// Which kinds of walls can be had on this machine: the answer of the drivers' probes, asked by catalog and invoke.

import type { Isolation, Network } from '@hearth/protocol'

export interface Walls {
  /** What `auto` means here; null when nothing can be had. */
  readonly automatic: Isolation | null
  /** Null when they can be had; else why not, in words a user can act on. */
  whyNot(isolation: Isolation): string | null
  networks(isolation: Isolation): readonly Network[]
}
