# Tells which descriptors it holds, and which a program that it starts holds.
import os
import subprocess


def target(fd):
    try:
        return os.readlink("/proc/self/fd/" + fd)
    except OSError:
        return None


def handler(event, context):
    # close_fds=False: nothing but the descriptors' own flags protects them.
    child = subprocess.run(["/bin/ls", "/proc/self/fd"], stdout=subprocess.PIPE, close_fds=False)
    return {"own": {fd: target(fd) for fd in os.listdir("/proc/self/fd")}, "child": child.stdout.decode().split()}
