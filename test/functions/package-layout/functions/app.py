# A handler in a folder: `functions/app.handler` or `functions.app.handler`, beside a helper of its own.
from functions import helper


def handler(event, context):
    return helper.name()
