import json


def handler(event, context):
    return {"echo": json.loads(event["body"]) if "body" in event else event}
