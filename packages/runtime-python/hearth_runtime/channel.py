"""The byte stream to the host and its frames: one blocking descriptor, one read and one write per event.

A frame: u32 length of what follows | u8 type | u32 sequence | u32 nonce | payload, big-endian.
"""

import os
from struct import Struct

INIT, CALL = 1, 2
READY, INITED, INIT_FAILED, STARTED, ANSWER = 65, 66, 67, 68, 69
EVENT, HTTP, ARGUMENTS = 0, 1, 2
RETURNED, FAILED, REJECTED = 0, 1, 2

_READ_BYTES = 64 * 1024
#: What the length field counts beyond the payload.
_OVERHEAD_BYTES = 9
_ANSWER_HEAD_BYTES = 2

_HEADER = Struct(">IBII")
_ANSWER = Struct(">IBIIBB")
_HEADER_BYTES = _HEADER.size
_unpack_header = _HEADER.unpack_from
_pack_header = _HEADER.pack
_pack_answer = _ANSWER.pack

# Captured: user code may replace them.
_readv, _write, _exit = os.readv, os.write, os._exit


def frame(kind, payload=b"", sequence=0, nonce=0):
    return _pack_header(_OVERHEAD_BYTES + len(payload), kind, sequence, nonce) + payload


def started_frame(sequence, nonce):
    return _pack_header(_OVERHEAD_BYTES, STARTED, sequence, nonce)


def answer_frame(sequence, nonce, status, flags, body):
    length = _OVERHEAD_BYTES + _ANSWER_HEAD_BYTES + len(body)
    return _pack_answer(length, ANSWER, sequence, nonce, status, flags) + body


class Channel:
    def __init__(self, address):
        self._fd = _open(address)
        self._buffer = bytearray(_READ_BYTES)
        self._view = memoryview(self._buffer)
        self._at = 0
        self._end = 0
        # Programs that user code starts must not hold the channel open, nor children it forks: a copy of this very
        # loop would answer calls that are not its own.
        os.set_inheritable(self._fd, False)
        os.register_at_fork(after_in_child=self._leave)

    def _leave(self):
        os.close(self._fd)
        self._fd = -1

    def send(self, data):
        """Returns when the kernel has all of it."""
        try:
            sent = _write(self._fd, data)
            while sent < len(data):
                data = memoryview(data)[sent:]
                sent = _write(self._fd, data)
        except OSError:
            # Without a host there is nobody to run for.
            _exit(1)

    def has_frame(self):
        """Whether the next frame has been read already, whole."""
        have = self._end - self._at
        return have >= _HEADER_BYTES and have >= 4 + _unpack_header(self._buffer, self._at)[0]

    def receive(self):
        """The next frame as (type, sequence, nonce, payload); the payload is a view, valid until the next receive."""
        while True:
            at = self._at
            have = self._end - at
            needed = _HEADER_BYTES
            if have >= _HEADER_BYTES:
                length, kind, sequence, nonce = _unpack_header(self._buffer, at)
                needed = 4 + length
                if have >= needed:
                    self._at = at + needed
                    return kind, sequence, nonce, self._view[at + _HEADER_BYTES : at + needed]
            self._read(needed)

    def _read(self, needed):
        """Reads more, after making room for a frame of `needed` bytes."""
        if self._at == self._end:
            self._at = self._end = 0
        if needed > len(self._buffer) - self._at or (len(self._buffer) > _READ_BYTES >= needed):
            rest = bytes(self._view[self._at : self._end])
            self._buffer = bytearray(max(needed, _READ_BYTES))
            self._view = memoryview(self._buffer)
            self._buffer[: len(rest)] = rest
            self._at, self._end = 0, len(rest)
        try:
            count = _readv(self._fd, (self._view[self._end :],))
        except OSError:
            _exit(1)
        if count == 0:
            _exit(0)
        self._end += count

    def is_idle(self):
        """Whether nothing has been received that is not yet read."""
        from select import select

        return self._at == self._end and not select((self._fd,), (), (), 0)[0]


def _open(address):
    scheme, _, place = address.partition(":")
    if scheme == "fd" and place.isdigit():
        fd = int(place)
    elif scheme == "unix" and place:
        import _socket  # The C module: the Python one beside it takes milliseconds to import.

        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        connection.connect(place)
        fd = connection.detach()
    else:
        raise SystemExit("The channel's address must be fd:<number> or unix:<path>, not %r" % address)
    os.set_blocking(fd, True)
    return fd
