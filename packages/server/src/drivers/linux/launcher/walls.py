"""What the first process of a sandbox does to itself, from a copy of the launcher to the walled-in process 1.

The numbers are those of docs/drivers.md. The order matters: each step needs rights that a later one gives up.
"""

import json
import os
import resource
import select
import signal
import socket

import base_tree
import init
import kernel
import network
from kernel import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY

# What /proc would tell about the machine rather than the sandbox, or let a stranger do to it.
MASKED_FILES = ("kcore", "keys", "key-users", "kmsg", "latency_stats", "sched_debug", "sysrq-trigger", "timer_list",
                "timer_stats", "interrupts")
MASKED_DIRECTORIES = ("acpi", "asound", "scsi", "fs", "bus", "irq")
STACK_BYTES = 8 << 20
CONTROL_GO = b"G"
# A user namespace without root can show its processes one id of our choice only.
ROOTLESS_ID = 1000


class Plan:
    """One request of the driver, plus what the launcher prepared for it."""

    def __init__(self, request, base, names, folder, report_fd, control_fd, stdout_fd, stderr_fd, rootless, seccomp):
        self.request, self.base, self.names, self.folder = request, base, names, folder
        self.report_fd, self.control_fd = report_fd, control_fd
        self.stdout_fd, self.stderr_fd = stdout_fd, stderr_fd
        self.rootless, self.seccomp = rootless, seccomp


def enter(plan):
    """Runs in the forked child, which is process 1 of a new pid namespace. Never returns."""
    step = "join the cgroup"

    def report(message):
        data = json.dumps(message).encode() + b"\n"
        try:
            os.write(plan.report_fd, data)
        except OSError:
            os._exit(1)  # nobody is left to hear it

    try:
        # 1. Limits first: from here on everything is counted.
        for path in plan.request["join"]:
            _join(path)
        _write("/proc/self/oom_score_adj", "500")

        step = "close descriptors"
        # 2. Only what the later steps need stays open. stdin, stdout and stderr become /dev/null.
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.close(null)
        kept = sorted((plan.folder, plan.report_fd, plan.control_fd, plan.stdout_fd, plan.stderr_fd))
        for low, high in zip([2] + kept, kept + [init.DESCRIPTORS_MAX]):
            os.closerange(low + 1, high)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        os.setsid()
        os.umask(0o022)

        step = "connect the channel"
        # 3. The channel is connected while the host's files are in sight, so no socket is visible later.
        channel = _connect(plan.folder, plan.request["token"])

        step = "make namespaces"
        # 4. The pid namespace is there already: this process was born into it.
        kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS | kernel.CLONE_NEWNET
                       | kernel.CLONE_NEWCGROUP)
        kernel.sethostname("hearth")

        step = "set up the network"
        # 5. Loopback of its own; a link to the outside only if asked for.
        network.bring_up_loopback()
        uplink = plan.request["uplink"]
        if uplink is not None:
            report({"netns": True})
            _wait_for_go(plan.control_fd)
            network.configure_uplink(uplink["name"], uplink["address"], uplink["netmask"], uplink["gateway"])

        step = "build the root"
        # 6. and 7. A root of its own; the host's files go out of sight for ever.
        own_proc = os.open("/proc/self", os.O_PATH | os.O_DIRECTORY)
        _build_root(plan)
        kernel.pivot_root_here()
        kernel.detach(".")
        os.chdir("/var/task")

        step = "set resource limits"
        # 8. What a cgroup does not count.
        _limit(plan.request)

        step = "give up identity"
        # 9. No host uid 0 in any namespace, no capability now or ever, no new rights by exec.
        if plan.rootless:
            _enter_user_namespace(own_proc)
            if plan.request["processes"] is not None:
                # Only now: the limit a namespace is born under holds for its creator's processes outside as well.
                resource.setrlimit(resource.RLIMIT_NPROC, (plan.request["processes"],) * 2)
        os.close(own_proc)
        kernel.drop_bounding_set()
        if not plan.rootless:
            os.setgroups([])
            os.setresgid(*[plan.request["gid"]] * 3)
            os.setresuid(*[plan.request["uid"]] * 3)
        kernel.drop_capabilities()
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)

        step = "tie its life to the launcher"
        # 10. Only now: a change of identity would undo both.
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        _exit_if_launcher_is_gone(plan.control_fd)

        step = "filter system calls"
        # 11. Last, because the steps above use what it forbids.
        kernel.install_filter(plan.seccomp)

        step = "start the runtime"
        os.close(plan.folder)
        stdin = os.open("/dev/null", os.O_RDONLY)
        init.run(report, plan.control_fd, (stdin, plan.stdout_fd, plan.stderr_fd, channel), plan.request["argv"],
                 plan.request["environment"])
    except BaseException as fault:
        report({"failed": step, "error": str(fault)})
    os._exit(1)


def _write(path, text, folder=None):
    fd = os.open(path, os.O_WRONLY, dir_fd=folder)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _join(procs):
    """By way of `tasks` where there is one (version 1): a lone thread that moves itself needs no lock on the whole
    machine's forks, and waiting for that lock takes 10 ms. We are one thread, so both files mean the same."""
    tasks = os.path.join(os.path.dirname(procs), "tasks")
    _write(tasks if os.path.exists(tasks) else procs, "0")


def _connect(folder, token):
    # By a name relative to the folder: a socket's whole path may have 107 bytes at most.
    os.fchdir(folder)
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    channel.settimeout(5)
    channel.connect("door.sock")
    channel.sendall(token.encode())
    channel.settimeout(None)
    return channel.detach()


def _wait_for_go(control):
    if os.read(control, 1) != CONTROL_GO:
        os._exit(0)


def _build_root(plan):
    request = plan.request
    # 6. Bound onto itself, so that it is a mount of this namespace alone and can become the root.
    kernel.mount(plan.base, plan.base, None, MS_BIND | kernel.MS_REC)
    os.chdir(plan.base)
    kernel.mount(request["task"], "var/task", None, MS_BIND)
    base_tree.remount_read_only("var/task")
    kernel.mount(plan.names, "etc/passwd", None, MS_BIND)
    base_tree.remount_read_only("etc/passwd")
    kernel.mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV,
                 "size=%d,nr_inodes=%d,mode=1777" % (request["tmpBytes"], request["tmpInodes"]))
    for path in base_tree.shown_paths(request["prefixes"]):
        if base_tree.is_in_tmp(path):
            base_tree.show(path, plan.base)
    kernel.mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                 "size=%d,nr_inodes=%d,mode=1777" % (request["shmBytes"], request["shmInodes"]))
    # 7. Read-only as a whole, so nothing under /proc/sys or elsewhere in it can be set.
    kernel.mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
    for name in MASKED_FILES:
        if os.path.exists("proc/" + name):
            kernel.mount("dev/null", "proc/" + name, None, MS_BIND)
    for name in MASKED_DIRECTORIES:
        if os.path.exists("proc/" + name):
            kernel.mount("run", "proc/" + name, None, MS_BIND)  # empty, and read-only like the mount it is part of


def _limit(request):
    limits = {
        resource.RLIMIT_NOFILE: request["openFiles"],
        # Not 0: that keeps core files away, but not a core_pattern that pipes them to a program of the host's root.
        resource.RLIMIT_CORE: 1,
        resource.RLIMIT_DATA: request["dataBytes"],
        resource.RLIMIT_STACK: STACK_BYTES,
    }
    for kind, most in limits.items():
        if most is not None:
            resource.setrlimit(kind, (most, most))


def _enter_user_namespace(own_proc):
    user, group = os.getuid(), os.getgid()
    kernel.unshare(kernel.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (ROOTLESS_ID, user)),
                       ("gid_map", "%d %d 1" % (ROOTLESS_ID, group))):
        _write(name, text, own_proc)


def _exit_if_launcher_is_gone(control):
    poll = select.poll()
    poll.register(control, 0)
    if poll.poll(0):
        os._exit(0)
