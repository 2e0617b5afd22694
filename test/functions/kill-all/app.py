# Kills every process it may. Only for sandboxes with processes of their own.
import os
import time


def handler(event, context):
    os.kill(-1, 9)
    time.sleep(600)
