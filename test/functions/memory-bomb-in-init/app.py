# Fills memory in module scope: limits must be in force before user code is. Only for sandboxes that limit memory.
kept = [b"\1" * (1024 * 1024) for _ in range(64 * 1024)]


def handler(event, context):
    return len(kept)
