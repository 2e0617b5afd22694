// Links from sandboxes to the outside world: a veth pair and a /30 for each, one packet filter for all of them.
// Nothing is set up before the first sandbox asks.

import { spawn } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import type { Log } from '../../domain/log.ts'
import type { Uplink } from './launcher-messages.ts'
import { nftRemoval, nftRules } from './nft-rules.ts'
import { hostResolvers, resolvConf } from './resolvers.ts'

const TOOL_FOLDERS = ['/usr/sbin', '/sbin', '/usr/bin', '/bin']
const TOOL_WITHIN_MS = 5_000

/**
 * 198.18.0.0/15 is set aside for measurements between networks, so neither a home nor an office nor a cloud uses it
 * (100.64.0.0/10 is Tailscale's and many carriers'). A server takes one of 64 parts of it: 512 sandboxes at a time.
 */
const BLOCK_FIRST = 198 * 2 ** 24 + 18 * 2 ** 16
const BLOCKS = 64
const BLOCK_ADDRESSES = 2_048
const LINK_ADDRESSES = 4
const NETMASK = '255.255.255.252'

export interface EgressLease {
  /** The link's name on the host's side. */
  readonly link: string
  readonly index: number
  readonly uplink: Uplink
}

export class Egress {
  readonly #table: string
  readonly #linkPrefix: string
  readonly #ownerTag: string
  readonly #log: Log
  readonly #taken = new Set<number>()
  #ready: Promise<void> | null = null
  #blockStart = 0
  #resolvers: readonly string[] = []

  constructor(ownerTag: string, log: Log) {
    this.#ownerTag = ownerTag
    this.#table = `hearth_${ownerTag}`
    // A link's name may have 15 bytes: h, 8 of the tag, a dash, and up to 5 digits.
    this.#linkPrefix = `h${ownerTag}-`
    this.#log = log
  }

  /**
   * Null when egress can be had, else why not. Really loads a packet filter, under another name than the one in force
   * and for links that nobody has, and takes it away again.
   */
  async whyNot(): Promise<string | null> {
    const missing = ['ip', 'nft'].filter((tool) => findTool(tool) === null)
    if (missing.length > 0) return `no egress: the command ${missing.join(' and ')} is missing (iproute2, nftables)`
    try {
      const plan = { table: `${this.#table}_probe`, linkPrefix: 'hearth-probe', block: '198.18.0.0/32', resolvers: [] }
      await run('nft', ['-f', '-'], nftRules(plan))
      await run('nft', ['-f', '-'], nftRemoval(plan.table))
      return null
    } catch (fault) {
      return `no egress: ${(fault as Error).message}`
    }
  }

  /** The `/etc/resolv.conf` of sandboxes with egress. */
  async resolvConf(): Promise<string> {
    await this.#prepare()
    return resolvConf(this.#resolvers)
  }

  async take(): Promise<EgressLease> {
    await this.#prepare()
    // Every time: somebody may have flushed the machine's packet filters since, and without ours the host is open.
    await this.#loadFilter()
    const index = firstFree(this.#taken, BLOCK_ADDRESSES / LINK_ADDRESSES)
    this.#taken.add(index)
    const network = this.#blockStart + index * LINK_ADDRESSES
    return {
      link: `${this.#linkPrefix}${index}`,
      index,
      uplink: { name: 'eth0', gateway: dotted(network + 1), address: dotted(network + 2), netmask: NETMASK },
    }
  }

  /** Puts the far end of the link into the network namespace of this process; the sandbox sets it up from inside. */
  async connect({ link, uplink }: EgressLease, pid: number): Promise<void> {
    await run('ip', ['link', 'add', 'name', link, 'type', 'veth', 'peer', 'name', uplink.name, 'netns', String(pid)])
    // No IPv6 at all on it, and no packet with another's address as its source.
    writeFileSync(`/proc/sys/net/ipv6/conf/${link}/disable_ipv6`, '1')
    writeFileSync(`/proc/sys/net/ipv4/conf/${link}/rp_filter`, '1')
    await run('ip', ['-batch', '-'], `addr add ${uplink.gateway}/30 dev ${link}\nlink set ${link} up\n`)
  }

  async giveBack(lease: EgressLease): Promise<void> {
    await this.#removeLink(lease.link)
    this.#taken.delete(lease.index)
  }

  /** Removes the links and the packet filter, ours or a dead server's. Returns how many links there were. */
  async sweep(): Promise<number> {
    const links = readdirSync('/sys/class/net').filter((name) => name.startsWith(this.#linkPrefix))
    for (const link of links) await this.#removeLink(link)
    if (findTool('nft') !== null) {
      await run('nft', ['-f', '-'], nftRemoval(this.#table)).catch((fault) =>
        this.#log.debug({ fault }, 'no packet filter to remove'),
      )
    }
    this.#ready = null
    return links.length
  }

  async close(): Promise<void> {
    if (this.#ready !== null) await this.sweep()
  }

  #prepare(): Promise<void> {
    this.#ready ??= this.#setUp().catch((fault) => {
      this.#ready = null
      throw fault
    })
    return this.#ready
  }

  async #setUp(): Promise<void> {
    this.#resolvers = hostResolvers()
    if (this.#resolvers.length === 0) this.#log.warn({}, 'sandboxes with egress get no name server: none is reachable')
    this.#blockStart = freeBlock(this.#ownerTag)
    // Stays on when we end: by then others may rely on it.
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1')
  }

  #loadFilter(): Promise<void> {
    const block = `${dotted(this.#blockStart)}/${32 - Math.log2(BLOCK_ADDRESSES)}`
    const plan = { table: this.#table, linkPrefix: this.#linkPrefix, block, resolvers: this.#resolvers }
    return run('nft', ['-f', '-'], nftRules(plan))
  }

  /** A link goes with its namespace, a little after the last process in it; whoever is first, it is gone then. */
  async #removeLink(link: string): Promise<void> {
    if (!existsSync(`/sys/class/net/${link}`)) return
    try {
      await run('ip', ['link', 'del', link])
    } catch (fault) {
      if (existsSync(`/sys/class/net/${link}`)) throw fault
    }
  }
}

/** POLICY: the part our tag points at, or the next one in which nobody on this machine has an address. */
const freeBlock = (ownerTag: string): number => {
  const used = new Set(
    Object.values(networkInterfaces())
      .flatMap((links) => links ?? [])
      .filter(({ family }) => family === 'IPv4')
      .map(({ address }) => Math.floor((asNumber(address) - BLOCK_FIRST) / BLOCK_ADDRESSES)),
  )
  const wished = Number.parseInt(ownerTag, 16) % BLOCKS
  for (let step = 0; step < BLOCKS; step++) {
    const block = (wished + step) % BLOCKS
    if (!used.has(block)) return BLOCK_FIRST + block * BLOCK_ADDRESSES
  }
  throw new Error('every part of 198.18.0.0/15 is in use on this machine')
}

const firstFree = (taken: ReadonlySet<number>, count: number): number => {
  for (let index = 0; index < count; index++) if (!taken.has(index)) return index
  throw new Error(`all ${count} links to the outside are in use`)
}

const dotted = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')

const asNumber = (address: string): number =>
  address.split('.').reduce((total, part) => total * 256 + Number.parseInt(part, 10), 0)

const findTool = (name: string): string | null =>
  TOOL_FOLDERS.map((folder) => `${folder}/${name}`).find((path) => existsSync(path)) ?? null

const run = (tool: string, args: readonly string[], input = ''): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(findTool(tool) ?? tool, args, { env: {}, stdio: ['pipe', 'ignore', 'pipe'] })
    const timer = setTimeout(() => child.kill('SIGKILL'), TOOL_WITHIN_MS)
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(0, 1_000)
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) resolve()
      else reject(new Error(`${tool} ${args.join(' ')}: ${stderr.trim() || signal || `exit code ${code}`}`))
    })
    child.stdin.on('error', () => {}) // its exit code tells more
    child.stdin.end(input)
  })
