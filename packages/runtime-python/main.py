# The program inside a sandbox that loads and runs Python handlers: `python3 main.py fd:3` or `unix:/path`.
# It says READY before it loads anything else; docs/runtime.md tells the conversation that follows. Interpreters do not
# cache the compiled form of the program itself, so all but this is in the package beside it.
import sys

_here = __file__.rpartition("/")[0] or "."
sys.path.insert(0, _here)

from hearth_runtime.channel import READY, Channel, frame  # noqa: E402

_READY = b'{"channel":1,"runtime":"python%d.%d","languageVersion":"%d.%d.%d"}'

if __name__ == "__main__":
    channel = Channel(sys.argv[1] if len(sys.argv) > 1 else "")
    version = tuple(sys.version_info[:3])
    channel.send(frame(READY, _READY % (version[:2] + version)))

    # Everything else is loaded while the host is busy with READY.
    from hearth_runtime.guest import Guest
    from hearth_runtime.preload import preload

    preload(channel)
    # User code must not find its neighbours here; the package itself stays loaded.
    sys.path[:] = [place for place in sys.path if place != _here]
    Guest(channel).run()
