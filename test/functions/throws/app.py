# Raises an error of its own class.
class TeapotError(Exception):
    pass


def handler(event, context):
    raise TeapotError(event.get("message", "short and stout"))
