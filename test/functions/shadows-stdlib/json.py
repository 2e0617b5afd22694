# Has the name of a module that the runtime itself has loaded.
def handler(event, context):
    return "mine"
