# Reads address 0: a real segmentation fault.
import ctypes


def handler(event, context):
    ctypes.string_at(0)
