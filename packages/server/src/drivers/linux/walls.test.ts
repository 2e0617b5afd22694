// What a guest finds when it looks for a way out. Runs as root and, by unprivileged.test.ts, as an ordinary user.

import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Guest,
  isAlive,
  isRoot,
  limits,
  node,
  Place,
  pidsOf,
  python,
  readProc,
  usable,
} from '../../../test/linux/support.ts'

const inCgroup = usable && isRoot

describe.skipIf(!usable)('the walls of a linux sandbox', () => {
  let place: Place
  let guest: Guest
  beforeAll(async () => {
    place = new Place()
    guest = await place.start()
  })
  afterAll(async () => {
    expect(await place.close()).toEqual([])
  })

  it('show a root of their own, and none of the host beside its programs', async () => {
    const top = (await guest.run('import os; answer = sorted(os.listdir("/"))')) as string[]
    const linked = ['bin', 'lib', 'lib32', 'lib64', 'libx32', 'sbin']
    // An interpreter outside of /usr brings the empty parents of its own folder.
    const ofInterpreter = python.prefixes.map((path) => path.split('/')[1])
    expect(top.filter((name) => !linked.includes(name) && !ofInterpreter.includes(name))).toEqual([
      'dev',
      'etc',
      'opt',
      'proc',
      'run',
      'tmp',
      'usr',
      'var',
    ])
    for (const path of [
      place.folder,
      '/root/.ssh',
      '/etc/shadow',
      '/etc/hostname/..//ssh',
      '/var/log',
      '/sys/kernel',
    ]) {
      expect(await guest.run(`import os; answer = os.path.exists(${JSON.stringify(path)})`), path).toBe(false)
    }
    const etc = (await guest.run(
      'import os; answer = open("/etc/passwd").read() + open("/etc/hosts").read()',
    )) as string
    expect(etc).not.toContain(readFileSync('/etc/passwd', 'utf8').split('\n')[1])
  })

  it('show no process but its own', async () => {
    expect(await guest.run('import os; answer = sorted(int(n) for n in os.listdir("/proc") if n.isdigit())')).toEqual([
      1, 2,
    ])
    expect(await guest.run('import os; answer = os.getpid()')).toBe(2)
  })

  it('leave no capability, no way to new ones, and a filter', async () => {
    for (const pid of [1, 2]) {
      const status = (await guest.run(`answer = open("/proc/${pid}/status").read()`)) as string
      for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'])
        expect(status).toMatch(new RegExp(`^Cap${set}:\\s+0+$`, 'm'))
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m)
      expect(status).toMatch(/^Seccomp:\s+2$/m)
      expect(status).not.toMatch(/^(Uid|Gid):.*\b0\b/m)
    }
  })

  it.runIf(inCgroup)('give every sandbox a user of its own on the host, never root', async () => {
    const other = await place.start()
    const users = [guest, other].map(({ sandbox }) => {
      const pids = pidsOf(sandbox.id, place.ownerTag)
      expect(pids.length).toBe(2)
      const ids = pids.map((pid) => /^Uid:\s+(\d+)\s+\1\s+\1\s+\1$/m.exec(readProc(pid, 'status'))?.[1])
      expect(new Set(ids).size).toBe(1)
      return Number(ids[0])
    })
    expect(users[0]).toBeGreaterThan(65_535)
    expect(users[1]).not.toBe(users[0])
    await other.sandbox.destroy('test')
  })

  it('leave exactly stdin, stdout, stderr and the channel open', async () => {
    const source = `
import os
def is_open(fd):
    try: os.fstat(fd)
    except OSError: return False
    return True
answer = [fd for fd in range(4096) if is_open(fd)]`
    expect(await guest.run(source)).toEqual([0, 1, 2, 3])
    expect(await guest.run('import os; answer = os.read(0, 1).decode()')).toBe('')
  })

  it('hand on nothing of the server’s environment', async () => {
    expect(await guest.run('import os; answer = dict(os.environb) and dict(os.environ)')).toEqual({
      HOME: '/tmp',
      LANG: 'C.UTF-8',
      PATH: '/usr/local/bin:/usr/bin:/bin',
    })
  })

  it('let it write nowhere but in /tmp and /dev/shm', async () => {
    const mounts = (await guest.run('answer = open("/proc/self/mounts").read()')) as string
    const writable = mounts.split('\n').flatMap((line) => {
      const [, point, , options = ''] = line.split(' ')
      return point !== undefined && options.split(',').includes('rw') ? [point] : []
    })
    expect(writable.sort()).toEqual(['/dev/shm', '/tmp'])
    for (const folder of [
      '/',
      '/etc',
      '/var/task',
      '/var/runtime',
      '/usr/lib',
      '/dev',
      '/run',
      '/opt',
      '/proc',
      '/usr',
    ]) {
      await expect(guest.run(`open("${folder}/x", "w")`), folder).rejects.toThrow(/Read-only|Permission|No such/)
    }
    await expect(guest.run('open("/proc/sys/kernel/core_pattern", "w")')).rejects.toThrow(/Read-only|Permission/)
    await expect(guest.run('open("/proc/self/oom_score_adj", "w")')).rejects.toThrow(/Read-only|Permission/)
    await expect(guest.run('import os; os.chmod("/dev/null", 0o777)')).rejects.toThrow(/Read-only|Operation not/)
    await expect(guest.run('import os; os.chmod("/var/runtime/guest.py", 0o777)')).rejects.toThrow(/Read-only/)
  })

  it('offer no device but the harmless ones', async () => {
    const source = 'import os; answer = sorted(n for n in os.listdir("/dev") if not os.path.islink("/dev/" + n))'
    expect(await guest.run(source)).toEqual(['full', 'null', 'random', 'shm', 'tty', 'urandom', 'zero'])
    await guest.run('open("/dev/null", "w").write("x"); assert open("/dev/zero", "rb").read(2) == bytes(2)')
    await expect(guest.run('import os, stat; os.mknod("/tmp/disk", stat.S_IFBLK, os.makedev(8, 0))')).rejects.toThrow(
      /not permitted/,
    )
  })

  it('mask what tells about the machine', async () => {
    for (const file of ['keys', 'timer_list', 'kcore', 'kmsg', 'interrupts']) {
      const source = `
import os
try: answer = os.read(os.open("/proc/${file}", os.O_RDONLY | os.O_NONBLOCK), 100).decode("latin1")
except OSError as fault: answer = ""`
      expect(await guest.run(source), file).toBe('')
    }
  })

  it('hold /tmp to its size and number of files', async () => {
    const fill = `
import os
written = 0
try:
    with open("/tmp/big", "wb", buffering=0) as file:
        while True: written += file.write(bytes(1 << 20))
except OSError as fault: answer = [fault.errno, written]
os.unlink("/tmp/big")`
    expect(await guest.run(fill)).toEqual([28, limits.tmpMb << 20])
    const many = `
import os
made = 0
try:
    while True:
        open("/tmp/%d" % made, "w").close()
        made += 1
except OSError as fault: answer = [fault.errno, made <= ${limits.tmpInodes}, made > 50]
for n in range(made): os.unlink("/tmp/%d" % n)`
    expect(await guest.run(many)).toEqual([28, true, true])
  })

  it('refuse the system calls that lead to the kernel’s soft parts', async () => {
    if (process.arch !== 'x64') return
    const source = (number: number, ...args: string[]) => `
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
result = libc.syscall(${[number, ...args].join(', ')})
answer = [result, ctypes.get_errno()]`
    const refused: [name: string, number: number, args: string[], errno: number][] = [
      ['unshare(CLONE_NEWUSER)', 272, ['0x10000000'], 1],
      ['clone(CLONE_NEWUSER)', 56, ['0x10000000', '0', '0', '0', '0'], 1],
      ['clone3', 435, ['0', '0'], 38],
      ['ptrace', 101, ['0', '0', '0', '0'], 1],
      ['mount', 165, ['0', '0', '0', '0', '0'], 1],
      ['fsopen', 430, ['b"tmpfs"', '0'], 1],
      ['bpf', 321, ['0', '0', '0'], 1],
      ['keyctl', 250, ['0', '0'], 1],
      ['io_uring_setup', 425, ['1', '0'], 1],
      ['perf_event_open', 298, ['0', '0', '0', '0', '0'], 1],
      ['open_by_handle_at', 304, ['0', '0', '0'], 1],
      ['socket(AF_VSOCK)', 41, ['40', '1', '0'], 97],
      ['socket(AF_NETLINK, NETLINK_AUDIT)', 41, ['16', '3', '9'], 93],
      ['ioctl(TIOCSTI)', 16, ['0', '0x5412', '0'], 1],
      ['personality(ADDR_NO_RANDOMIZE)', 135, ['0x40000'], 1],
      ['a number from the future', 900, [], 38],
    ]
    for (const [name, number, args, errno] of refused) {
      expect(await guest.run(source(number, ...args)), name).toEqual([-1, errno])
    }
  })

  it('end the sandbox that tries another instruction set’s numbers', async () => {
    if (process.arch !== 'x64') return
    const other = await place.start()
    other.tell('import ctypes; ctypes.CDLL(None).syscall(0x40000000 + 39)')
    expect(await other.sandbox.exited).toEqual({ code: null, signal: 'SIGSYS', outOfMemory: false })
    await other.sandbox.destroy('test')
  })

  it('keep threads, subprocesses and Unix sockets working', async () => {
    const source = `
import socket, subprocess, threading
thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
a, b = socket.socketpair(); a.send(b"x"); assert b.recv(1) == b"x"
answer = subprocess.run(["/bin/sh", "-c", "echo $0 && id -un", "hello"], stdout=subprocess.PIPE, check=True).stdout.decode()`
    expect(await guest.run(source)).toBe('hello\nsandbox\n')
  })

  describe('towards the network', () => {
    const servers: Server[] = []
    const listen = (at: string | number): Promise<Server> =>
      new Promise((resolve) => {
        const server = createServer((socket) => socket.end('the host'))
        servers.push(server)
        server.listen(...((typeof at === 'number' ? [at, '0.0.0.0'] : [at]) as [string]), () => resolve(server))
      })
    afterAll(() => Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve)))))

    it('hide the host’s loopback and abstract sockets', async () => {
      const server = await listen(0)
      const { port } = server.address() as { port: number }
      const connect = `import socket; socket.create_connection(("127.0.0.1", ${port}), 2)`
      await expect(guest.run(connect)).rejects.toThrow(/Connection refused/)
      const name = `hearth-test-${place.ownerTag}`
      const abstract = `
import socket
s = socket.socket(socket.AF_UNIX); s.connect("\\0${name}")`
      await listen(`\0${name}`)
      await expect(guest.run(abstract)).rejects.toThrow(/Connection refused/)
    })

    it('leave only a loopback of its own', async () => {
      const source = `
import socket
listener = socket.create_server(("127.0.0.1", 0)); caller = socket.create_connection(listener.getsockname(), 2)
answer = [socket.if_nameindex(), socket.gethostname()]`
      expect(await guest.run(source)).toEqual([[[1, 'lo']], 'hearth'])
      const out = 'import socket; socket.create_connection(("203.0.113.9", 80), 2)'
      await expect(guest.run(out)).rejects.toThrow(/unreachable/)
    })
  })

  it('hold a signal to everyone to the sandbox itself', async () => {
    const other = await place.start()
    const source = `
import os, subprocess, time
child = subprocess.Popen(["/bin/sleep", "100"])
os.kill(-1, 9)
answer = child.wait()`
    expect(await other.run(source)).toBe(-9)
    expect(await other.run('answer = "alive"')).toBe('alive')
    expect(await guest.run('answer = "alive too"')).toBe('alive too')
    await other.sandbox.destroy('test')
  })

  it('show the same to Node, with a user that has a name', async () => {
    const other = await place.start({ runtime: node })
    const source = `
const { readdirSync, fstatSync } = await import('node:fs')
const os = await import('node:os')
return [process.pid, readdirSync('/proc').filter((n) => /^\\d+$/.test(n)).length, os.userInfo().username, os.hostname()]`
    expect(await other.run(source)).toEqual([2, 2, 'sandbox', 'hearth'])
    await other.sandbox.destroy('test')
  })

  it('keep code read-only and out of each other’s sight', async () => {
    const codeDir = place.codeDir()
    writeFileSync(join(codeDir, 'secret.txt'), 'mine')
    chmodSync(join(codeDir, 'secret.txt'), 0o666)
    const other = await place.start({ codeDir })
    expect(await other.run('answer = open("/var/task/secret.txt").read()')).toBe('mine')
    await expect(other.run('open("/var/task/secret.txt", "a")')).rejects.toThrow(/Read-only/)
    await other.run('open("/tmp/left", "w").close(); open("/dev/shm/left", "w").close()')
    const source = 'import os; answer = os.listdir("/var/task") + os.listdir("/tmp") + os.listdir("/dev/shm")'
    expect(await guest.run(source)).toEqual([])
    await other.sandbox.destroy('test')
    expect(readFileSync(join(codeDir, 'secret.txt'), 'utf8')).toBe('mine')
  })

  it.runIf(inCgroup)('are gone with everything behind them after destroy', async () => {
    const other = await place.start()
    // A daemon that has left its session and its parent.
    const source = `
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv("/bin/sleep", ["sleep", "1000"])
    os._exit(0)
os.wait()`
    await other.run(source)
    const pids = pidsOf(other.sandbox.id, place.ownerTag)
    expect(pids.length).toBe(3)
    await other.sandbox.destroy('test')
    expect(pids.filter(isAlive)).toEqual([])
    expect(await other.sandbox.exited).toEqual({ code: null, signal: 'SIGKILL', outOfMemory: false })
  })
})
