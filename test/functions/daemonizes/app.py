# Leaves a process behind that has its own session and outlives the answer.
import os
import signal
import time


def handler(event, context):
    pid = os.fork()
    if pid > 0:
        return {"pid": pid}
    os.setsid()
    if os.fork() > 0:
        os._exit(0)
    for name in ("SIGTERM", "SIGHUP", "SIGINT"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    while True:
        time.sleep(1)
