"""A generic sandbox waits, booted, for its function. Meanwhile it imports what handlers commonly need, one module at a
time, so that the function which arrives early waits for one module at most.

Not asyncio and not typing: they take megabytes that most functions never use.
"""

_MODULES = (
    "logging",
    "traceback",
    "datetime",
    "urllib.parse",
    "base64",
    "hashlib",
    "random",
    "decimal",
    "uuid",
)
# What the modules above and the runtime need only at first use.
_LAZY = ("encodings.latin_1", "encodings.ascii", "_strptime")


def preload(channel):
    for name in _MODULES + _LAZY:
        if not channel.is_idle():
            return
        __import__(name)
