# Ends its process in the middle of a call.
import sys


def handler(event, context):
    (exit if event.get("builtin") else sys.exit)(event.get("code", 3))
