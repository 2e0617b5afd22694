# Prints a mebibyte at once and ends its process: nothing of it may be lost.
import os


def handler(event, context):
    for _ in range(1024):
        print("x" * 1023)
    os._exit(0)
