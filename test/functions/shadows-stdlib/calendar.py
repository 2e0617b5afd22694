# Has the name of a module of the standard library.
def handler(event, context):
    return "mine"
