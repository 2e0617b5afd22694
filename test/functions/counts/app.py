# Counts its calls in module scope: shows whether a sandbox is used again.
import os

calls = 0


def handler(event, context):
    global calls
    calls += 1
    return {"calls": calls, "pid": os.getpid()}
