# Returns a text of as many bytes as asked for, by default more than any answer may have; or exits at once.
import os


def handler(event, context):
    if event.get("exit"):
        os._exit(0)
    return "x" * (event.get("bytes", 7 * 1024 * 1024) - 2)
