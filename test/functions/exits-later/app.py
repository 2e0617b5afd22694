# Answers, and ends its process a moment after.
import os
import threading


def handler(event, context):
    threading.Timer(event.get("afterMs", 50) / 1000, os._exit, (4,)).start()
    return "answered"
