# Aborts: SIGABRT.
import os


def handler(event, context):
    os.abort()
