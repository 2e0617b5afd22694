"""What user code prints. The streams stay raw; this only notices which of them a call used, so that a boundary line can
tell the host where its output ends. A silent call costs two empty flushes.
"""

import io
import os
import sys

STDOUT, STDERR = 1, 2

_write = os.write


class _WatchedFile(io.FileIO):
    """A standard stream's descriptor that remembers whether it was written to."""

    used = False

    def write(self, data):
        self.used = True
        return super().write(data)


class Output:
    def __init__(self, boundary):
        self._prefix = "\0%s:" % boundary
        self._out_file, self._out = _open_stream(STDOUT, "<stdout>")
        self._err_file, self._err = _open_stream(STDERR, "<stderr>")
        sys.stdout = sys.__stdout__ = self._out
        sys.stderr = sys.__stderr__ = self._err

    def print_error(self, text):
        """A line of the runtime's own about the call that failed."""
        try:
            self._err.write(text)
        except (ValueError, OSError):
            pass  # User code closed the stream.

    def end_call(self, sequence):
        """Ends a call's output; the flags name the streams that have a boundary line for it now."""
        flags = 0
        try:
            self._out.flush()
        except (ValueError, OSError):
            pass
        try:
            self._err.flush()
        except (ValueError, OSError):
            pass
        if self._out_file.used:
            flags |= self._put_boundary(self._out_file, STDOUT, sequence)
        if self._err_file.used:
            flags |= self._put_boundary(self._err_file, STDERR, sequence)
        return flags

    def _put_boundary(self, file, number, sequence):
        file.used = False
        line = ("%s%d\n" % (self._prefix, sequence)).encode()
        try:
            while line:
                line = line[_write(number, line) :]
        except OSError:
            return 0
        return number


def _open_stream(number, name):
    os.set_blocking(number, True)
    file = _WatchedFile(number, "wb", closefd=False)
    file.name = name
    # By lines, so that what was printed before a crash or a timeout is not lost.
    text = io.TextIOWrapper(io.BufferedWriter(file), encoding="utf-8", errors="backslashreplace", line_buffering=True)
    text.mode = "w"
    return file, text
