# Waits for an event that nothing can set.
import threading


def handler(event, context):
    threading.Event().wait()
