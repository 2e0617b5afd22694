# Ignores every signal that can be ignored, and spins.
import signal

for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)


def handler(event, context):
    while True:
        pass
