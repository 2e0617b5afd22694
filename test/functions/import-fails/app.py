# Imports what does not exist.
import no_such_package  # noqa: F401


def handler(event, context):
    return "unreachable"
