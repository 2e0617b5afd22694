// Which name servers a sandbox with egress may ask.

import { readFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'

/** The second is where systemd-resolved keeps the servers it asks itself, when the first names only its own stub. */
const FILES = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']
/** What the C library reads at most. */
const SERVERS_MAX = 3

/** POLICY: the host's own IPv4 name servers, but none that is the host: a sandbox cannot reach it. */
export const usableResolvers = (texts: readonly string[], hostAddresses: ReadonlySet<string>): string[] => {
  for (const text of texts) {
    const servers = [...text.matchAll(/^nameserver\s+(\S+)/gm)]
      .map(([, address = '']) => address)
      .filter((address) => isIPv4(address) && !address.startsWith('127.') && !hostAddresses.has(address))
    if (servers.length > 0) return [...new Set(servers)].slice(0, SERVERS_MAX)
  }
  return []
}

export const hostResolvers = (): string[] => {
  const texts = FILES.flatMap((file) => {
    try {
      return [readFileSync(file, 'utf8')]
    } catch {
      return []
    }
  })
  const own = Object.values(networkInterfaces()).flatMap((links) => (links ?? []).map(({ address }) => address))
  return usableResolvers(texts, new Set(own))
}

export const resolvConf = (resolvers: readonly string[]): string =>
  resolvers.map((address) => `nameserver ${address}\n`).join('')
