# Never finishes loading.
import threading

threading.Event().wait()


def handler(event, context):
    return "unreachable"
