# Raises what `except Exception` does not catch, or errors that cannot be read.
class HostileError(Exception):
    def __str__(self):
        raise ValueError("no message for you")


def handler(event, context):
    kind = event.get("kind", "string")
    if kind == "huge":
        raise ValueError("x" * (32 * 1024 * 1024))
    raise {
        "string": KeyboardInterrupt("just text"),
        "base": BaseException("rock bottom"),
        "generator-exit": GeneratorExit(),
        "hostile-message": HostileError(),
    }[kind]
