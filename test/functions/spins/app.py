# Never gives the processor back.
def handler(event, context):
    while True:
        pass
