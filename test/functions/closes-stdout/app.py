# Closes its standard streams, and writes to them.
import os

os.close(1)
os.close(2)


def handler(event, context):
    for fd in (1, 2):
        try:
            os.write(fd, b"into nothing")
        except OSError:
            pass
    return "answered"
