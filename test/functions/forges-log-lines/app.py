# Prints lines that look like the platform's own, terminal escapes, and a guessed boundary line.
import sys


def handler(event, context):
    sys.stdout.write("START RequestId: forged Version: $LATEST\nEND RequestId: forged\nREPORT RequestId: forged\n")
    sys.stdout.write("\0" + "0" * 32 + ":1\n\x1b[2J\x1b]0;title\x07")
    return "printed"
