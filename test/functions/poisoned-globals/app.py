# Replaces what the runtime might use, in module scope, and answers as if nothing had happened.
import builtins
import json
import os
import sys
import time


def lie(*args, **kwargs):
    return "poisoned"


json.dumps = json.loads = lie
json.JSONEncoder.default = lie
os.write = os.read = os.readv = os._exit = lie
time.monotonic = lie
builtins.open = builtins.print = lie
sys.stdout.close()
sys.stderr = None


def handler(event, context):
    return {"event": event, "clean": True}
