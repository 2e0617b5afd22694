"""Process 1 of a sandbox: starts the runtime, buries orphans, tells the launcher how the runtime ended.

A real init, because process 1 is special to the kernel: it cannot kill itself by a signal and nobody reaps for it. The
runtime is process 2 and so behaves as it would anywhere. When this process ends, the kernel kills all others.

It has already given up every right when it gets here; the guest cannot trace it (not dumpable), and a signal from
inside reaches it only where a handler is installed, which is SIGCHLD alone.
"""

import fcntl
import os
import resource
import select
import signal
import struct

FREEZE, THAW, LIMIT_DATA = b"F", b"T", b"D"
# More than the launcher, and so any child of it, ever has open.
DESCRIPTORS_MAX = 65536
DATA_SLACK_BYTES = 64 << 20

_mapped_at_boot = {}


def run(report, control, descriptors, argv, environment):
    """Never returns. `descriptors` are what the runtime has as 0, 1, 2, 3; `control` is read for commands."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    os.set_blocking(wake_read, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)

    failure_read, failure_write = os.pipe()  # closed by a successful exec
    runtime = os.fork()
    if runtime == 0:
        _become(descriptors, argv, environment, failure_write)
    os.close(failure_write)
    for fd in set(descriptors):
        os.close(fd)
    failure = os.read(failure_read, 1000)
    os.close(failure_read)
    if failure:
        report({"failed": "start " + argv[0], "error": failure.decode("utf-8", "replace")})
        os._exit(1)
    report({"started": True})

    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(wake_read, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == control:
                _obey(os.read(control, 1), control, runtime, report)
            else:
                _drain(wake_read)
                _bury(runtime, report)


def _become(descriptors, argv, environment, failure):
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
            # An ignored signal would stay ignored across exec; Python and the launcher ignore some.
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        # First out of the way of 0 to 3, then into place; then nothing else stays open.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in descriptors]
        failure = fcntl.fcntl(failure, fcntl.F_DUPFD_CLOEXEC, 10)
        for number, fd in enumerate(high):
            os.dup2(fd, number)
        os.closerange(4, failure)
        os.closerange(failure + 1, DESCRIPTORS_MAX)
        os.execve(argv[0], argv, environment)
    except BaseException as fault:
        os.write(failure, str(fault).encode()[:900])
    os._exit(127)


def _obey(command, control, runtime, report):
    if command == FREEZE:
        # The kernel lets no fork slip past a signal to everyone.
        _signal_all(signal.SIGSTOP)
        report({"frozen": True})
    elif command == THAW:
        _signal_all(signal.SIGCONT)
        report({"frozen": False})
    elif command == LIMIT_DATA:
        (allowed,) = struct.unpack(">Q", os.read(control, 8))
        try:
            _limit_data(runtime, allowed)
        except OSError:
            pass  # it has just ended
        report({"limited": True})
    else:
        os._exit(0)  # the launcher is gone


def _limit_data(runtime, allowed):
    """Lets the runtime map so much more than an interpreter has mapped by the time it is ready.

    That is very different between interpreters, and no measure of what they use: a Python has 8 MiB, Node 20 has 80 and
    Node 24 has 590, mostly room for code. As much again is for the threads that a program may start.
    """
    if runtime not in _mapped_at_boot:
        with open("/proc/%d/status" % runtime) as file:
            (line,) = [line for line in file if line.startswith("VmData:")]
        _mapped_at_boot[runtime] = int(line.split()[1]) << 10
    most = allowed + 2 * _mapped_at_boot[runtime] + DATA_SLACK_BYTES
    # Never up: that would take a right that is long gone.
    most = min(most, resource.prlimit(runtime, resource.RLIMIT_DATA)[1])
    resource.prlimit(runtime, resource.RLIMIT_DATA, (most, most))


def _signal_all(number):
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        pass


def _drain(fd):
    try:
        while os.read(fd, 512):
            pass
    except BlockingIOError:
        pass


def _bury(runtime, report):
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid == runtime:
            if os.WIFSIGNALED(status):
                report({"exited": {"code": None, "signal": os.WTERMSIG(status)}})
            else:
                report({"exited": {"code": os.WEXITSTATUS(status), "signal": None}})
            os._exit(0)
