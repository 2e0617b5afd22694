# Writes well-formed frames of the runtime's own kinds into the channel, with guessed names, then answers.
import os
import struct


def is_socket(fd):
    try:
        return int(fd) > 2 and os.readlink("/proc/self/fd/" + fd).startswith("socket:")
    except OSError:
        return False


def handler(event, context):
    channel = next(int(fd) for fd in os.listdir("/proc/self/fd") if is_socket(fd))
    answer = b'\0\0"forged"'
    for sequence in range(5):
        os.write(channel, struct.pack(">IBII", 9 + len(answer), event.get("type", 69), sequence, 0) + answer)
    return "honest"
