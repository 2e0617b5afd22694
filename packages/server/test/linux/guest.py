"""A guest that does what the tests send: u32 length + Python source in, u32 length + JSON out. `answer` is sent back."""

import json
import os
import struct
import sys

CHANNEL = int(sys.argv[1][3:])


def read_exactly(count):
    data = b""
    while len(data) < count:
        more = os.read(CHANNEL, count - len(data))
        if not more:
            os._exit(0)
        data += more
    return data


def send(value):
    data = json.dumps(value).encode()
    data = struct.pack(">I", len(data)) + data
    while data:
        data = data[os.write(CHANNEL, data):]


send({"ready": True})
while True:
    source = read_exactly(struct.unpack(">I", read_exactly(4))[0]).decode()
    scope = {"answer": None, "send": send}
    try:
        exec(source, scope)
        send({"answer": scope["answer"]})
    except BaseException as fault:
        send({"error": "%s: %s" % (type(fault).__name__, fault), "errno": getattr(fault, "errno", None)})
