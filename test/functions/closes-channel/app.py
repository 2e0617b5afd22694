# Closes every descriptor it has beyond the standard ones, the channel with them, and lives on.
import os
import time


def handler(event, context):
    os.closerange(3, 1024)
    time.sleep(600)
