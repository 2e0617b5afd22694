// Limits, life and death of sandboxes. Runs as root and, by unprivileged.test.ts, as an ordinary user.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  cgroups,
  eventually,
  isAlive,
  isRoot,
  limits,
  node,
  Place,
  pidsOf,
  python,
  usable,
} from '../../../test/linux/support.ts'

const grouped = usable && cgroups.host !== null

describe.skipIf(!usable)('the linux driver', () => {
  let place: Place
  beforeAll(() => {
    place = new Place()
  })
  afterAll(async () => {
    expect(await place.close()).toEqual([])
  })
  afterEach(() => {
    expect(readdirSync(join(place.runDir, 'linux', 'sandboxes'))).toEqual([])
    expect(readdirSync(join(place.runDir, 'linux')).sort()).toEqual(['base', 'door.sock', 'sandboxes'])
  })

  it('proves by a real sandbox that it works here, and says what it cannot do', async () => {
    const report = await place.driver.probe()
    expect(report).toMatchObject({ isolation: 'linux', available: true, reason: null })
    const { capabilities } = place.driver
    expect(capabilities.rootless).toBe(!isRoot)
    expect(capabilities.limits.memory).toBe(grouped ? 'enforced' : 'per-process')
    expect(report.notes.some((note) => /memory is limited for each process/.test(note))).toBe(!grouped)
  })

  it('carries what the guest prints, also by way of /dev/stdout, to the end', async () => {
    const guest = await place.start()
    guest.tell(`
import os
os.write(1, b"one\\n"); os.write(2, b"two\\n")
os.system("echo three > /dev/stdout; echo four > /dev/stderr")
os.write(1, b"x" * 300000)
os._exit(0)`)
    expect(await guest.sandbox.exited).toEqual({ code: 0, signal: null, outOfMemory: false })
    await eventually(
      'both streams ended',
      () => guest.sandbox.stdout.readableEnded && guest.sandbox.stderr.readableEnded,
    )
    expect(guest.stdout).toBe(`one\nthree\n${'x'.repeat(300_000)}`)
    expect(guest.stderr).toBe('two\nfour\n')
    await guest.sandbox.destroy('test')
  })

  it('tells how the runtime ended', async () => {
    const ends: [source: string, exit: object][] = [
      ['import os; os._exit(7)', { code: 7, signal: null }],
      ['import os; os.kill(os.getpid(), 9)', { code: null, signal: 'SIGKILL' }],
      ['import os; os.abort()', { code: null, signal: 'SIGABRT' }],
      ['import os; os.kill(os.getpid(), 15)', { code: null, signal: 'SIGTERM' }],
      ['import ctypes; ctypes.string_at(0)', { code: null, signal: 'SIGSEGV' }],
    ]
    for (const [source, exit] of ends) {
      const guest = await place.start()
      guest.tell(source)
      expect(await guest.sandbox.exited, source).toEqual({ ...exit, outOfMemory: false })
      await guest.sandbox.destroy('test')
    }
  })

  it('lets nothing live on when the runtime ends', async () => {
    const guest = await place.start()
    await guest.run('import subprocess; subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)')
    const pids = pidsOf(guest.sandbox.id, place.ownerTag)
    guest.tell('import os; os._exit(0)')
    await guest.sandbox.exited
    expect(pids.filter(isAlive)).toEqual([])
    await guest.sandbox.destroy('test')
  })

  it('shows code that comes later, and binds a sandbox to it', async () => {
    const codeDir = place.codeDir()
    mkdirSync(join(codeDir, 'package'), { recursive: true })
    writeFileSync(join(codeDir, 'package', 'handler.py'), 'answer = 42\n')
    const generic = await place.start()
    await generic.sandbox.inject(codeDir, limits)
    expect(await generic.run('exec(open("/var/task/package/handler.py").read())\n')).toBe(42)
    const bound = await place.start({ codeDir })
    await bound.sandbox.inject(codeDir, limits)
    await expect(bound.sandbox.inject(place.codeDir('other'), limits)).rejects.toThrow(/made for other code/)
    await Promise.all([generic, bound].map(({ sandbox }) => sandbox.destroy('test')))
  })

  it('stops everything in a frozen sandbox and lets it go on', async () => {
    const guest = await place.start()
    await guest.run(`
import subprocess, sys, threading, time
gaps = {"most": 0}
def watch():
    last = time.monotonic()
    while True:
        now = time.monotonic()
        gaps["most"] = max(gaps["most"], now - last)
        last = now
threading.Thread(target=watch, daemon=True).start()
sys.gaps = gaps`)
    await guest.sandbox.freeze()
    const before = guest.sandbox.stats().cpuMicros
    await new Promise((resolve) => setTimeout(resolve, 600))
    const after = guest.sandbox.stats().cpuMicros
    await guest.sandbox.thaw()
    expect(await guest.run('import sys, time; time.sleep(0.1); answer = sys.gaps["most"] > 0.4')).toBe(true)
    if (grouped) expect((after ?? 0) - (before ?? 0)).toBeLessThan(50_000)
    await guest.sandbox.destroy('test')
  })

  it('destroys a frozen sandbox', async () => {
    const guest = await place.start()
    await guest.sandbox.freeze()
    await guest.sandbox.destroy('test')
    await guest.sandbox.destroy('again')
    expect(await guest.sandbox.exited).toEqual({ code: null, signal: 'SIGKILL', outOfMemory: false })
  })

  it('holds a fork bomb to its number of processes, and is rid of it', async () => {
    const guest = await place.start()
    const source = `
import os, time
made = 0
try:
    while made < 1000:
        if os.fork() == 0:
            while True:
                try: os.fork()
                except OSError: time.sleep(0.01)
        made += 1
except OSError as fault: answer = [fault.errno, made <= ${limits.processes}]`
    expect(await guest.run(source)).toEqual([11, true])
    const pids = pidsOf(guest.sandbox.id, place.ownerTag)
    if (grouped) expect(pids.length).toBe(limits.processes + 1)
    await guest.sandbox.destroy('test')
    expect(pids.filter(isAlive)).toEqual([])
  })

  it('holds the number of open files', async () => {
    const guest = await place.start()
    const source = `
import os
opened = []
try:
    while True: opened.append(os.open("/dev/null", os.O_RDONLY))
except OSError as fault: answer = [fault.errno, max(opened)]`
    expect(await guest.run(source)).toEqual([24, limits.openFiles - 1])
    await guest.sandbox.destroy('test')
  })

  it.runIf(grouped)('ends a guest that takes too much memory, and says that it was that', async () => {
    const guest = await place.start()
    guest.tell('hoard = [bytearray(1 << 20) for _ in range(1000)]')
    expect(await guest.sandbox.exited).toEqual({ code: null, signal: 'SIGKILL', outOfMemory: true })
    await guest.sandbox.destroy('test')
    const { memoryMaxBytes, oomKills } = guest.sandbox.stats()
    expect(oomKills).toBeGreaterThan(0)
    expect(memoryMaxBytes).toBeLessThanOrEqual(limits.memoryMb << 20)
  })

  it.runIf(grouped && cgroups.host?.version === 1)(
    'shows in the figures when only a child was killed for memory',
    async () => {
      const guest = await place.start()
      const source = `
import os
child = os.fork()
if child == 0:
    hoard = [bytearray(1 << 20) for _ in range(1000)]
answer = os.WTERMSIG(os.waitpid(child, 0)[1])`
      expect(await guest.run(source)).toBe(9)
      expect(guest.sandbox.stats().oomKills).toBe(1)
      guest.tell('import os; os._exit(1)')
      expect(await guest.sandbox.exited).toEqual({ code: 1, signal: null, outOfMemory: false })
      await guest.sandbox.destroy('test')
    },
  )

  it.runIf(grouped)('counts what lies in /tmp as memory', async () => {
    const guest = await place.start({ limits: { ...limits, tmpMb: 512 } })
    guest.tell(
      'open("/tmp/big", "wb").write(bytes(1 << 20) * 64); open("/tmp/bigger", "wb", 0).write(bytes(100 << 20))',
    )
    expect((await guest.sandbox.exited).outOfMemory).toBe(true)
    await guest.sandbox.destroy('test')
  })

  it.runIf(usable && !grouped)('refuses memory to each process without control groups', async () => {
    const guest = await place.start()
    await guest.sandbox.inject(place.codeDir(), limits)
    await expect(guest.run('hoard = bytearray(400 << 20)')).rejects.toThrow(/MemoryError/)
    await guest.run('hoard = bytearray(100 << 20)')
    await guest.sandbox.destroy('test')
    const other = await place.start({ runtime: node })
    await other.sandbox.inject(place.codeDir(), limits)
    await other.run('return Buffer.alloc(100 << 20, 1).length')
    await expect(other.run('return Buffer.alloc(1_500 << 20, 1).length')).rejects.toThrow(/allocat/)
    await other.sandbox.destroy('test')
  })

  it.runIf(grouped)('boots with a whole processor and tightens all limits to the version’s', async () => {
    const small = { ...limits, cpus: 0.25, memoryMb: 96, processes: 20 }
    const guest = await place.start({ limits: small })
    const controls = () =>
      cgroups.host?.version === 1 ? v1Controls(place, guest.sandbox.id) : v2Controls(place, guest.sandbox.id)
    expect(controls()).toEqual({ cpus: 1, memoryBytes: 96 << 20, processes: 21 })
    await guest.sandbox.inject(place.codeDir(), { ...small, memoryMb: 80 })
    expect(controls()).toEqual({ cpus: 0.25, memoryBytes: 80 << 20, processes: 21 })
    guest.sandbox.setLimits({ ...small, cpus: 0.5 })
    expect(controls().cpus).toBe(0.5)
    await guest.sandbox.destroy('test')
  })

  it('leaves nothing when a start is given up', async () => {
    for (const afterMs of [0, 2, 5, 10, 20]) {
      const aborting = new AbortController()
      const created = place.driver
        .create({ id: `aborted-${afterMs}`, runtime: python, limits, network: 'none', codeDir: null }, aborting.signal)
        .then(
          (sandbox) => sandbox.destroy('it was quicker'),
          (fault) => expect(fault).toBe('enough'),
        )
      setTimeout(() => aborting.abort('enough'), afterMs)
      await created
    }
  })

  it('says why a runtime cannot be started, and leaves nothing', async () => {
    const broken: [change: object, reason: RegExp][] = [
      [{ interpreter: '/usr/bin/no-such-python' }, /could not start \/usr\/bin\/no-such-python: .*No such file/],
      [{ interpreter: '/srv/python' }, /in none of the folders shown inside/],
      [{ prefixes: ['/'] }, /refused to show/],
      [{ prefixes: ['/etc/python'] }, /under \/etc\/python cannot be shown/],
      [{ programDir: '/no/such/folder' }, /no\/such\/folder/],
    ]
    for (const [change, reason] of broken) {
      await expect(place.start({ runtime: { ...python, ...change } })).rejects.toThrow(reason)
    }
    const guest = await place.start()
    await guest.sandbox.destroy('test')
  })

  it('runs many at once', async () => {
    const guests = await Promise.all(
      Array.from({ length: 12 }, (_, n) => place.start({ runtime: n % 4 === 0 ? node : python })),
    )
    await Promise.all(guests.map(({ sandbox }) => sandbox.destroy('test')))
  })

  it('outlives its launcher: the sandboxes end, the next one gets a new launcher', async () => {
    const guest = await place.start()
    const launcher = launcherOf(place)
    process.kill(launcher, 'SIGKILL')
    expect(await guest.sandbox.exited).toMatchObject({ signal: 'SIGKILL', outOfMemory: false })
    await eventually('no process is left', () => pidsOf(guest.sandbox.id, place.ownerTag).length === 0)
    await guest.sandbox.destroy('test')
    const next = await place.start()
    expect(await next.run('answer = 1')).toBe(1)
    expect(launcherOf(place)).not.toBe(launcher)
    await next.sandbox.destroy('test')
  })
})

describe.skipIf(!usable)('when the server is gone', () => {
  it('the launcher ends everything by itself, frozen sandboxes too', async () => {
    const place = new Place()
    const guests = [await place.start(), await place.start()]
    await guests[1]?.sandbox.freeze()
    const pids = guests.flatMap(({ sandbox }) => pidsOf(sandbox.id, place.ownerTag))
    // What the kernel does to the launcher when its parent dies.
    process.kill(launcherOf(place), 'SIGTERM')
    await Promise.all(guests.map(({ sandbox }) => sandbox.exited))
    expect(pids.filter(isAlive)).toEqual([])
    if (grouped) expect(cgroups.host?.list(`hearth/${place.ownerTag}`)).toEqual([])
    expect(await place.close()).toEqual([])
  })

  it.runIf(grouped)('the next one removes what was left', async () => {
    const place = new Place()
    const name = `hearth/${place.ownerTag}/left-over`
    const group = cgroups.host?.create(name, { memoryBytes: 64 << 20, cpus: 1, processes: 10 })
    const sleeper = execFileSync('/bin/sh', ['-c', 'sleep 1000 >/dev/null 2>&1 & echo $!']).toString().trim()
    for (const file of group?.joinFiles ?? []) writeFileSync(file, sleeper)
    group?.freeze()
    mkdirSync(join(place.folder, 'run', 'fedcba987654', 'linux'), { recursive: true })
    mkdirSync(join(place.folder, 'run', 'something-else'))
    expect(await place.driver.sweep()).toEqual({ processes: 1, cgroups: 1, folders: 1, links: 0 })
    expect(isAlive(Number(sleeper))).toBe(false)
    expect(readdirSync(join(place.folder, 'run')).sort()).toEqual(['0123456789ab', 'something-else'])
    expect(await place.close()).toEqual([])
  })
})

const launcherOf = (place: Place): number => {
  const found = readdirSync('/proc').find((pid) => {
    if (!/^\d+$/.test(pid) || !existsSync(`/proc/${pid}/cmdline`)) return false
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return line.includes('launcher.py') && line.includes(place.runDir) && parentOf(pid) === process.pid
  })
  return Number(found)
}

const parentOf = (pid: string): number =>
  Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

interface Controls {
  readonly cpus: number
  readonly memoryBytes: number
  readonly processes: number
}

const v1Controls = (place: Place, id: string): Controls => {
  const read = (controller: string, file: string) =>
    Number(readFileSync(`/sys/fs/cgroup/${controller}/hearth/${place.ownerTag}/${id}/${file}`, 'utf8'))
  return {
    cpus: read('cpu', 'cpu.cfs_quota_us') / read('cpu', 'cpu.cfs_period_us'),
    memoryBytes: read('memory', 'memory.limit_in_bytes'),
    processes: read('pids', 'pids.max'),
  }
}

const v2Controls = (place: Place, id: string): Controls => {
  const read = (file: string) => readFileSync(`/sys/fs/cgroup/hearth/${place.ownerTag}/${id}/${file}`, 'utf8')
  const [quota = 0, period = 1] = read('cpu.max').split(' ').map(Number)
  return { cpus: quota / period, memoryBytes: Number(read('memory.max')), processes: Number(read('pids.max')) }
}
