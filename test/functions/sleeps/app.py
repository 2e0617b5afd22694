# Waits as long as asked for, then answers with its event.
import time


def handler(event, context):
    time.sleep(event.get("ms", 600000) / 1000)
    return event
