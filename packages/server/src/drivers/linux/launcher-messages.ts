// What the driver and its launcher say to each other: u32 length (big-endian), then JSON.

/** Everything the forked child needs to build its walls. Checked by the driver; the launcher obeys. */
export interface StartRequest {
  readonly id: string
  /** The channel's connection begins with this, so that the door knows whose it is. */
  readonly token: string
  /** `cgroup.procs` files to join before anything else. */
  readonly join: readonly string[]
  readonly prefixes: readonly string[]
  readonly programDir: string
  readonly resolvConf: string | null
  /** Host directory shown as `/var/task`. */
  readonly task: string
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Ignored without root: then the namespace decides. */
  readonly uid: number
  readonly gid: number
  readonly openFiles: number
  /** Rootless only: per-user and per-process limits of the kernel, where there is no cgroup. */
  readonly processes: number | null
  readonly dataBytes: number | null
  readonly tmpBytes: number
  readonly tmpInodes: number
  readonly shmBytes: number
  readonly shmInodes: number
  readonly uplink: Uplink | null
}

/** The sandbox's end of its link to the outside. */
export interface Uplink {
  readonly name: string
  readonly address: string
  readonly netmask: string
  readonly gateway: string
}

export type Command =
  | { readonly do: 'configure'; readonly seccomp: string }
  | ({ readonly do: 'start' } & StartRequest)
  /** The driver holds both output pipes, or wants neither. */
  | { readonly do: 'taken'; readonly id: string }
  /** The link is in the sandbox's network namespace. */
  | { readonly do: 'go'; readonly id: string }
  | { readonly do: 'kill' | 'freeze' | 'thaw'; readonly id: string }
  | { readonly do: 'limit'; readonly id: string; readonly allowedBytes: number }

/** What process 1 has done when asked. */
export type Acknowledged = 'frozen' | 'thawed' | 'limited'

export type LauncherEvent =
  | { readonly event: 'up'; readonly python: string; readonly rootless: boolean }
  | { readonly event: 'unable'; readonly error: string; readonly rootless: boolean }
  | { readonly event: 'netns' | 'started'; readonly id: string; readonly pid: number }
  | { readonly event: Acknowledged; readonly id: string }
  | { readonly event: 'failed'; readonly id: string; readonly step: string; readonly error: string }
  | { readonly event: 'exited'; readonly id: string; readonly code: number | null; readonly signal: number | null }

export const encodeCommand = (command: Command): Buffer => {
  const text = Buffer.from(JSON.stringify(command))
  const frame = Buffer.allocUnsafe(4 + text.length)
  frame.writeUInt32BE(text.length)
  text.copy(frame, 4)
  return frame
}

/** Collects bytes and hands out whole events. The launcher is our own program, so its words are taken as they come. */
export class EventReader {
  #rest: Buffer = Buffer.alloc(0)

  read(bytes: Buffer): LauncherEvent[] {
    this.#rest = Buffer.concat([this.#rest, bytes])
    const events: LauncherEvent[] = []
    while (this.#rest.length >= 4) {
      const end = 4 + this.#rest.readUInt32BE()
      if (this.#rest.length < end) break
      events.push(JSON.parse(this.#rest.toString('utf8', 4, end)) as LauncherEvent)
      this.#rest = this.#rest.subarray(end)
    }
    return events
  }
}
