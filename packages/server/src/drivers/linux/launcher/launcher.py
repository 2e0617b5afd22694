"""Hearth's launcher: one process per server that forks every sandbox of the `linux` driver.

Usage: python3 -I -S -B launcher.py FOLDER, with the driver at the other end of descriptor 3.
Both sides send frames: u32 length (big-endian), then JSON. Standard library only, Python 3.7 or later.

It keeps true: a sandbox never outlives it, and it never outlives the server. When the server goes, however it goes, the
sandboxes are killed (frozen ones thawed, so that they can die) and their cgroups removed.
"""

import os
import sys

if sys.version_info < (3, 7):
    sys.exit("the launcher needs Python 3.7 or later, and %s is %s" % (sys.executable, sys.version.split()[0]))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import base64
import gc
import json
import resource
import select
import shutil
import signal
import socket
import struct
import time

import base_tree
import init
import kernel
import walls

DRIVER_FD = 3
FINISH_WITHIN_SECONDS = 2.0


class Sandbox:
    def __init__(self, request, pid, report, control, outputs):
        self.id = request["id"]
        self.join = request["join"]
        self.pid, self.report, self.control, self.outputs = pid, report, control, outputs
        self.heard = b""
        self.exit = None


class Launcher:
    def __init__(self, driver, folder):
        self.driver, self.folder = driver, folder
        self.folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self.rootless = os.geteuid() != 0
        self.seccomp = b""
        self.bases = {}
        self.by_report, self.by_pid, self.by_id = {}, {}, {}
        self.finishing = False
        self.inbox = b""
        self.poll = select.poll()

    def separate(self):
        """Mounts made from here on are seen by nobody else, and end with this process."""
        if self.rootless:
            user, group = os.geteuid(), os.getegid()
            kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWPID)
            for name, text in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (user, user)),
                               ("gid_map", "%d %d 1" % (group, group))):
                with open("/proc/self/" + name, "w") as file:
                    file.write(text)
            self.move_into_pid_namespace()
        else:
            kernel.unshare(kernel.CLONE_NEWNS)
        # Slave: what the host unmounts goes here too, so nothing is kept busy; nothing ever flows back.
        kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_SLAVE)
        self.bases_folder = os.path.join(self.folder, "base")
        os.makedirs(self.bases_folder, exist_ok=True)
        kernel.mount("tmpfs", self.bases_folder, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755")
        self.own_pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY)

    def move_into_pid_namespace(self):
        """Making pid namespaces in turn takes rights over one's own; without root, only over one we have made."""
        pid = os.fork()
        if pid == 0:
            return
        self.driver.close()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGTERM)
        os.waitpid(pid, 0)
        os._exit(0)

    def run(self):
        wake_read, wake_write = os.pipe()
        for fd in (wake_read, wake_write):
            os.set_blocking(fd, False)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, self.on_signal)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        self.poll.register(self.driver, select.POLLIN)
        self.poll.register(wake_read, select.POLLIN)
        while not self.finishing:
            for fd, _ in self.poll.poll():
                if fd == self.driver.fileno():
                    self.read_driver()
                elif fd == wake_read:
                    os.read(wake_read, 512)
                    self.reap()
                elif fd in self.by_report:
                    self.read_report(self.by_report[fd])

    def on_signal(self, number, _frame):
        if number == signal.SIGTERM:
            self.finishing = True

    def read_driver(self):
        data = self.driver.recv(1 << 16)
        if not data:
            self.finishing = True
            return
        self.inbox += data
        while len(self.inbox) >= 4:
            (length,) = struct.unpack_from(">I", self.inbox)
            if len(self.inbox) < 4 + length:
                break
            message = json.loads(self.inbox[4:4 + length].decode())
            self.inbox = self.inbox[4 + length:]
            getattr(self, "do_" + message["do"])(message)

    def tell(self, **event):
        data = json.dumps(event).encode()
        try:
            self.driver.sendall(struct.pack(">I", len(data)) + data)
        except OSError:
            self.finishing = True

    def do_configure(self, message):
        self.seccomp = base64.b64decode(message["seccomp"])

    def do_start(self, request):
        try:
            self.start(request)
        except BaseException as fault:
            self.tell(event="failed", id=request["id"], step="prepare", error=str(fault))
            self.tell(event="exited", id=request["id"], code=1, signal=None)

    def start(self, request):
        base = self.base_for(request)
        names = self.names_for(walls.ROOTLESS_ID if self.rootless else request["uid"])
        report_read, report_write = os.pipe()
        control_read, control_write = os.pipe()
        outputs, inputs = self.open_outputs(request["id"])
        plan = walls.Plan(request, base, names, self.folder_fd, report_write, control_read, inputs[0], inputs[1],
                          self.rootless, self.seccomp)
        try:
            # The next child is process 1 of a new pid namespace, and still our own child.
            kernel.unshare(kernel.CLONE_NEWPID)
            pid = os.fork()
            if pid == 0:
                walls.enter(plan)
        finally:
            # Back again, or the next sandbox would be born into this one.
            kernel.setns(self.own_pid_namespace, kernel.CLONE_NEWPID)
            for fd in (report_write, control_read) + inputs:
                os.close(fd)
        sandbox = Sandbox(request, pid, report_read, control_write, outputs)
        self.by_report[report_read] = self.by_pid[pid] = self.by_id[sandbox.id] = sandbox
        self.poll.register(report_read, select.POLLIN)

    def open_outputs(self, name):
        """Named pipes, because Node can open them by name. Our read ends keep what is written until it has."""
        reads, writes = [], []
        for stream in ("out", "err"):
            path = "%s.%s" % (name, stream)
            os.mkfifo(path, 0o600, dir_fd=self.folder_fd)
            # So that a guest may reopen /dev/stdout. The folder keeps everyone else away.
            os.chmod(path, 0o622, dir_fd=self.folder_fd)
            reads.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK, dir_fd=self.folder_fd))
            writes.append(os.open(path, os.O_WRONLY, dir_fd=self.folder_fd))
        return tuple(reads), tuple(writes)

    def base_for(self, request):
        key = json.dumps([request["prefixes"], request["programDir"], request["resolvConf"]])
        if key not in self.bases:
            target = os.path.join(self.bases_folder, str(time.monotonic_ns()))
            try:
                base_tree.build(target, request["prefixes"], request["programDir"], request["resolvConf"])
            except BaseException:
                try:
                    kernel.detach(target)
                except OSError:
                    pass
                shutil.rmtree(target, ignore_errors=True)
                raise
            self.bases[key] = target
        return self.bases[key]

    def names_for(self, user):
        path = os.path.join(self.bases_folder, "passwd-%d" % user)
        if not os.path.exists(path):
            with open(path, "w") as file:
                file.write("root:x:0:0::/:/usr/sbin/nologin\nsandbox:x:%d:%d::/tmp:/usr/sbin/nologin\n" % (user, user))
            os.chmod(path, 0o644)
        return path

    def do_go(self, message):
        self.command(message, walls.CONTROL_GO)

    def do_freeze(self, message):
        self.command(message, init.FREEZE)

    def do_thaw(self, message):
        self.command(message, init.THAW)

    def do_limit(self, message):
        self.command(message, init.LIMIT_DATA + struct.pack(">Q", message["allowedBytes"]))

    def command(self, message, data):
        sandbox = self.by_id.get(message["id"])
        if sandbox is not None:
            try:
                os.write(sandbox.control, data)
            except OSError:
                pass  # it ended; its exit is on its way

    def do_taken(self, message):
        """The driver holds the outputs itself now, or does not want them."""
        sandbox = self.by_id.get(message["id"])
        if sandbox is not None:
            self.close_outputs(sandbox)
            self.forget_if_done(sandbox)

    def do_kill(self, message):
        sandbox = self.by_id.get(message["id"])
        # Not reaped yet, so the number is still this process's.
        if sandbox is not None and sandbox.pid in self.by_pid:
            os.kill(sandbox.pid, signal.SIGKILL)

    def read_report(self, sandbox):
        data = os.read(sandbox.report, 4096)
        if not data and sandbox.report in self.by_report:
            # Its end, and it would be told again and again until the process is buried.
            self.poll.unregister(sandbox.report)
            del self.by_report[sandbox.report]
        sandbox.heard += data
        *lines, sandbox.heard = sandbox.heard.split(b"\n")
        for line in lines:
            self.on_report(sandbox, json.loads(line.decode()))
        return len(data) > 0

    def on_report(self, sandbox, message):
        if "netns" in message:
            self.tell(event="netns", id=sandbox.id, pid=sandbox.pid)
        elif "started" in message:
            self.tell(event="started", id=sandbox.id, pid=sandbox.pid)
        elif "frozen" in message:
            self.tell(event="frozen" if message["frozen"] else "thawed", id=sandbox.id)
        elif "limited" in message:
            self.tell(event="limited", id=sandbox.id)
        elif "failed" in message:
            self.tell(event="failed", id=sandbox.id, step=message["failed"], error=message["error"])
        elif "exited" in message:
            sandbox.exit = message["exited"]

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            sandbox = self.by_pid.pop(pid, None)
            if sandbox is not None:
                self.on_death(sandbox, status)

    def on_death(self, sandbox, status):
        # Everybody who could write is dead, so this ends.
        while self.read_report(sandbox):
            pass
        os.close(sandbox.report)
        os.close(sandbox.control)
        sandbox.control = -1
        ended = sandbox.exit
        if ended is None:
            killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
            ended = {"code": None if killed else os.WEXITSTATUS(status), "signal": killed}
        self.tell(event="exited", id=sandbox.id, code=ended["code"], signal=ended["signal"])
        self.forget_if_done(sandbox)

    def close_outputs(self, sandbox):
        for fd in sandbox.outputs:
            os.close(fd)
        sandbox.outputs = ()

    def forget_if_done(self, sandbox):
        if sandbox.pid not in self.by_pid and not sandbox.outputs:
            self.by_id.pop(sandbox.id, None)

    def finish(self):
        for pid, sandbox in list(self.by_pid.items()):
            os.kill(pid, signal.SIGKILL)
            for directory in map(os.path.dirname, sandbox.join):
                for name, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
                    _try_write(os.path.join(directory, name), word)
        for pid in list(self.by_pid):
            os.waitpid(pid, 0)
        give_up = time.monotonic() + FINISH_WITHIN_SECONDS
        remaining = [os.path.dirname(path) for sandbox in self.by_pid.values() for path in sandbox.join]
        parents = {os.path.dirname(directory) for directory in remaining}
        while remaining and time.monotonic() < give_up:
            remaining = [directory for directory in remaining if not _removed(directory)]
            time.sleep(0.01)
        for directory in parents:
            _removed(directory)  # the server's own; it stays if something else is still in it


def _try_write(path, word):
    try:
        with open(path, "r+") as file:
            file.write(word)
    except OSError:
        pass


def _removed(directory):
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def main():
    folder = sys.argv[1]
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a terminal's, meant for the server, which will end us in order
    os.closerange(DRIVER_FD + 1, init.DESCRIPTORS_MAX)
    os.set_inheritable(DRIVER_FD, False)
    os.umask(0o022)
    os.chdir("/")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    launcher = Launcher(socket.socket(fileno=DRIVER_FD), folder)
    try:
        launcher.separate()
    except OSError as fault:
        launcher.tell(event="unable", error=str(fault), rootless=launcher.rootless)
        return
    # After the user namespace: entering one clears it. A server that is gone already shows as the end of its pipe.
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGTERM)
    gc.collect()
    gc.disable()
    gc.freeze()
    launcher.tell(event="up", python=sys.version.split()[0], rootless=launcher.rootless)
    try:
        launcher.run()
    finally:
        launcher.finish()


main()
