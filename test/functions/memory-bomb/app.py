# Fills memory, page by page. Only for sandboxes that limit memory.
def handler(event, context):
    kept = []
    for _ in range(event.get("mib", 64 * 1024)):
        kept.append(b"\1" * (1024 * 1024))
    return len(kept)
