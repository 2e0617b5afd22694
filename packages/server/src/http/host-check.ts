// Refuses requests that came under a foreign name. A web page can make its own host name point at this machine; the
// browser then sends that name, and this is what keeps such a page from the control port.

import { isIP } from 'node:net'
import { HearthError } from '../domain/hearth-error.ts'

const rememberedMax = 100

export class HostCheck {
  readonly #names: ReadonlySet<string>
  /** Host headers that have passed, as they came: there are few, and they come with every request. */
  readonly #passed = new Set<string>()

  constructor(names: Iterable<string>) {
    this.#names = new Set([...names].map(hostName).filter((name) => name !== ''))
  }

  /** Throws `misdirected_host`. Addresses and `localhost` always pass: no page can own those. */
  check(header: string | undefined): void {
    if (header !== undefined && this.#passed.has(header)) return
    const name = hostName(header ?? '')
    if (isIP(name) === 0 && name !== 'localhost' && !name.endsWith('.localhost') && !this.#names.has(name)) {
      throw new HearthError(
        'misdirected_host',
        'This server does not answer for that host; HEARTH_ALLOWED_HOSTS names the ones it answers for.',
      )
    }
    if (header !== undefined && this.#passed.size < rememberedMax) this.#passed.add(header)
  }
}

/** `Example.org:80` -> `example.org`, `[::1]:80` -> `::1` */
export function hostName(header: string): string {
  const [, v6, name] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/.exec(header) ?? []
  return (v6 ?? name ?? '').toLowerCase()
}
