# Writes bytes into the channel that are no frame: they announce one of almost four gibibytes.
import os


def is_socket(fd):
    try:
        return int(fd) > 2 and os.readlink("/proc/self/fd/" + fd).startswith("socket:")
    except OSError:
        return False


def handler(event, context):
    os.write(next(int(fd) for fd in os.listdir("/proc/self/fd") if is_socket(fd)), b"\xff" * 64)
    return "honest"
