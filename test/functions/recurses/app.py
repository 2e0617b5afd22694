# Recurses without end.
def deeper():
    return deeper() + 1


def handler(event, context):
    return deeper()
