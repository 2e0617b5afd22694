// A sandbox with egress, a stand-in for the world in a network namespace of its own, and the host in between.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type Guest, isRoot, Place, python, usable } from '../../../test/linux/support.ts'

const tools = ['ip', 'nft'].every((tool) =>
  ['/usr/sbin', '/sbin', '/usr/bin'].some((at) => existsSync(`${at}/${tool}`)),
)
const possible = usable && isRoot && tools
if (!possible) console.log('skipped: egress needs root, ip and nft')

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
/** One run's names, so that two runs at once do not meet. */
const tag = Math.floor(Math.random() * 0xffff).toString(16)
const world = `world-${tag}`
// 203.0.113.0/24 is for documentation: no real host has these.
const HOST = '203.0.113.1'
const WORLD = '203.0.113.2'
const PRIVATE_WORLD = '10.213.113.2'

describe.runIf(possible)('a sandbox with egress', () => {
  let place: Place
  let guest: Guest
  let server: ChildProcess
  let host: Server
  const forwarding = possible ? readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8') : ''

  beforeAll(async () => {
    ip('netns', 'add', world)
    ip('link', 'add', `w${tag}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', world)
    ip('addr', 'add', `${HOST}/24`, 'dev', `w${tag}`)
    ip('link', 'set', `w${tag}`, 'up')
    ip('-n', world, 'addr', 'add', `${WORLD}/24`, 'dev', 'eth0')
    ip('-n', world, 'addr', 'add', `${PRIVATE_WORLD}/32`, 'dev', 'eth0')
    ip('-n', world, 'link', 'set', 'eth0', 'up')
    ip('route', 'add', `${PRIVATE_WORLD}/32`, 'dev', `w${tag}`)
    const source =
      'import socket\ns = socket.create_server(("0.0.0.0", 8080))\nwhile True:\n  c, a = s.accept(); c.sendall(a[0].encode()); c.close()'
    server = spawn('ip', ['netns', 'exec', world, python.interpreter, '-c', source], { stdio: 'ignore' })
    host = createServer((socket) => socket.end('the host'))
    await new Promise<void>((resolve) => host.listen(8123, '0.0.0.0', resolve))
    await eventually('the stand-in listens', () => {
      const sockets = execFileSync('ip', ['netns', 'exec', world, 'cat', '/proc/net/tcp'], { encoding: 'utf8' })
      return sockets.includes(':1F90')
    })
    place = new Place()
    guest = await place.start({ network: 'egress' })
  })

  afterAll(async () => {
    const left = await place.close()
    server.kill('SIGKILL')
    await new Promise((resolve) => host.close(resolve))
    ip('netns', 'del', world)
    writeFileSync('/proc/sys/net/ipv4/ip_forward', forwarding)
    expect(left).toEqual([])
    expect(execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' })).not.toContain(place.ownerTag)
  })

  const call = (address: string, port: number, from = guest) =>
    from.run(`
import socket
with socket.create_connection(("${address}", ${port}), 3) as s: answer = s.recv(100).decode()`)

  it('is said to be possible by the probe', async () => {
    await place.driver.probe()
    expect(place.driver.capabilities.networks).toEqual(['none', 'egress'])
  })

  it('reaches the world, which sees the host', async () => {
    expect(await call(WORLD, 8080)).toBe(HOST)
  })

  it('does not reach the host by any of its addresses', async () => {
    const own = Object.values(networkInterfaces())
      .flatMap((links) => links ?? [])
      .filter(({ family }) => family === 'IPv4')
      .map(({ address }) => address)
    const gateway = (await guest.run(`
for line in open("/proc/net/route").read().split("\\n")[1:]:
    fields = line.split()
    if fields and fields[1] == "00000000":
        answer = ".".join(str(byte) for byte in reversed(bytes.fromhex(fields[2])))`)) as string
    expect(own).toContain(gateway)
    for (const address of [...own, '127.0.0.1']) {
      await expect(call(address, 8123), address).rejects.toThrow(/refused|unreachable|timed out/)
    }
  })

  it('does not reach private, shared or link-local addresses', async () => {
    for (const address of [PRIVATE_WORLD, '192.168.0.1', '172.17.0.1', '100.100.100.200', '169.254.169.254']) {
      await expect(call(address, 8080), address).rejects.toThrow(/refused|unreachable|timed out/)
    }
  })

  it('does not reach, and is not reached by, another sandbox', async () => {
    const other = await place.start({ network: 'egress' })
    const address = await other.run(`
import socket, sys
sys.listener = socket.create_server(("0.0.0.0", 9000))
probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); probe.connect(("${WORLD}", 1))
answer = probe.getsockname()[0]`)
    await expect(call(address as string, 9000)).rejects.toThrow(/refused|unreachable|timed out/)
    expect(await call(WORLD, 8080, other)).toBe(HOST)
    await other.sandbox.destroy('test')
  })

  it('is closed again for the next one after somebody flushed the packet filter', async () => {
    execFileSync('nft', ['delete', 'table', 'inet', `hearth_${place.ownerTag}`])
    const other = await place.start({ network: 'egress' })
    await expect(call(HOST, 8123, other)).rejects.toThrow(/refused|unreachable|timed out/)
    await expect(call(HOST, 8123)).rejects.toThrow(/refused|unreachable|timed out/)
    expect(await call(WORLD, 8080)).toBe(HOST)
    await other.sandbox.destroy('test')
  })

  it('has no way out by IPv6', async () => {
    const source = 'import socket; socket.create_connection(("2001:db8::1", 80), 2)'
    await expect(guest.run(source)).rejects.toThrow(/unreachable|refused|timed out/)
  })

  it('leaves nothing that the next server does not find', async () => {
    const link = `h${place.ownerTag}-77`
    ip('link', 'add', link, 'type', 'veth', 'peer', 'name', `v${tag}`)
    const next = new Place({ ownerTag: place.ownerTag })
    // To the next server the living sandbox is one of a dead server, with links, processes and a group.
    expect(await next.driver.sweep()).toMatchObject({ cgroups: 1, folders: 0 })
    expect(existsSync(`/sys/class/net/${link}`)).toBe(false)
    expect(await guest.sandbox.exited).toMatchObject({ signal: 'SIGKILL' })
    await next.close()
  })
})
