# Returns a dict that contains itself.
def handler(event, context):
    loop = {"name": "loop"}
    loop["self"] = loop
    return loop
