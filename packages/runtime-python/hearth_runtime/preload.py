"""A generic sandbox waits, booted, for its function. Meanwhile it imports what handlers commonly need, one module at a
time, so that the function which arrives early waits for one module at most.

Not asyncio, typing or hashlib: they take megabytes, in every waiting sandbox, that most functions never use.
"""

_MODULES = ("logging", "traceback", "datetime", "urllib.parse", "base64", "encodings.latin_1")


def preload(channel):
    for name in _MODULES:
        if not channel.is_idle():
            return
        __import__(name)
