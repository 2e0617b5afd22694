# Has something else than `handler`.
def handle(event, context):
    return "unreachable"


not_a_function = 42
