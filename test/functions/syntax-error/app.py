# Is not Python.
def handler(event, context:
    return "unreachable"
