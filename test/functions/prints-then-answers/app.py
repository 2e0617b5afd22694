# Prints on both streams, in module scope and in each call, then answers.
import logging
import sys

print("loading")


def handler(event, context):
    if event.get("silent"):
        return "silent"
    tag = event.get("tag", "")
    print("on stdout", tag)
    print("on stderr", tag, file=sys.stderr)
    logging.getLogger().warning("logged %s", tag)
    sys.stdout.write("raw without newline")
    return "printed"
