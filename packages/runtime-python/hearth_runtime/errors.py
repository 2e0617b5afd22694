"""Whatever user code raises becomes AWS's error object for Python: {errorMessage, errorType, requestId, stackTrace},
always valid JSON and never larger than the host takes.
"""

import json

_ERROR_BYTES_MAX = 256 * 1024
_TYPE_LENGTH_MAX = 256
_HERE = __file__.rpartition("/")[0] + "/"

_dumps = json.dumps


class RuntimeFault(Exception):
    """An error of the runtime's own, with one of AWS's type names. It has no trace unless it is given one."""

    def __init__(self, error_type, message, trace=()):
        super().__init__(message)
        self.error_type = error_type
        self.trace = list(trace)


def describe(error):
    """(type, message, trace) of anything that can be raised."""
    if isinstance(error, RuntimeFault):
        return error.error_type, str(error), error.trace
    return type(error).__name__, _message(error), user_frames(error)


def error_json(error, request_id):
    error_type, message, trace = describe(error)
    # Escaping can make text six times longer, so cut until it fits.
    room = _ERROR_BYTES_MAX // 2
    while True:
        text = _dumps(
            {
                "errorMessage": _cut(message, room),
                "errorType": _cut(error_type, _TYPE_LENGTH_MAX),
                "requestId": request_id,
                "stackTrace": _cut_lines(trace, room),
            }
        )
        if len(text) <= _ERROR_BYTES_MAX:
            return text.encode()
        room //= 2


def error_log_text(error):
    """The error as AWS writes it to the log."""
    error_type, message, trace = describe(error)
    text = "[ERROR] %s: %s" % (_cut(error_type, _TYPE_LENGTH_MAX), _cut(message, _ERROR_BYTES_MAX // 2))
    if trace:
        text += "\nTraceback (most recent call last):\n" + "".join(_cut_lines(trace, _ERROR_BYTES_MAX // 2))
    return text.rstrip("\n") + "\n"


def user_frames(error):
    """The traceback's frames as text, without the runtime's own at its beginning."""
    import traceback

    try:
        frames = [(f.filename, f.lineno, f.name, f.line) for f in traceback.extract_tb(error.__traceback__)]
        while frames and frames[0][0].startswith(_HERE):
            del frames[0]
        return traceback.format_list(frames)
    except Exception:  # User code may have put anything into its traceback or its source files.
        return []


def _message(error):
    try:
        return str(error)
    except BaseException:
        return "The error's message could not be read"


def _cut(text, length):
    return text if len(text) <= length else text[:length] + "... (cut)"


def _cut_lines(lines, length):
    kept = []
    for line in lines:
        if length <= 0:
            break
        kept.append(_cut(line, length))
        length -= len(line)
    return kept
