# Answers HTTP requests in every shape, chosen by ?shape=; without one, with the event itself.
import json

SHAPES = {
    "response": {"statusCode": 201, "headers": {"X-One": "a", "x-list": ["b", "c"], "x-number": 5}, "body": "created"},
    "cookies": {"statusCode": 200, "cookies": ["a=1; Path=/", "b=2"], "body": "cookies"},
    "binary": {
        "statusCode": 200,
        "headers": {"Content-Type": "image/png"},
        "isBase64Encoded": True,
        "body": "iVBORwD/",
    },
    "empty": {"statusCode": 204},
    "status-text": {"statusCode": "404", "body": "missing"},
    "object-body": {"statusCode": 200, "body": {"a": 1}},
    "string": "plain text",
    "number": 42,
    "list": [1, 2],
    "object": {"plain": True},
    "null": None,
    "true": True,
    "unicode": {"statusCode": 200, "body": "grüße €"},
    "bad-status": {"statusCode": "teapot"},
    "status-fraction": {"statusCode": 200.5},
    "status-99": {"statusCode": 99},
    "status-101": {"statusCode": 101},
    "status-600": {"statusCode": 600},
    "bad-header-name": {"statusCode": 200, "headers": {"bad name": "x"}},
    "injected-header": {"statusCode": 200, "headers": {"x-a": "b\r\nset-cookie: stolen=1"}},
    "nul-header": {"statusCode": 200, "headers": {"x-a": "b\0c"}},
    "wide-header": {"statusCode": 200, "headers": {"x-a": "€"}},
    "object-header": {"statusCode": 200, "headers": {"x-a": {"b": 1}}},
    "null-header": {"statusCode": 200, "headers": {"x-a": None}},
    "headers-list": {"statusCode": 200, "headers": ["x-a"]},
    "proto-header": {"statusCode": 200, "headers": {"__proto__": "kept"}},
    "bad-cookies": {"statusCode": 200, "cookies": "a=1"},
    "bad-base64": {"statusCode": 200, "isBase64Encoded": True, "body": "not base64 at all!"},
    "huge-head": {"statusCode": 200, "headers": {"x-a": "a" * 70000}},
    "hop-by-hop": {
        "statusCode": 200,
        "headers": {"Connection": "close", "Transfer-Encoding": "chunked", "Content-Length": "3", "Keep-Alive": "x"},
        "body": "longer than three",
    },
}


def handler(event, context):
    shape = event.get("queryStringParameters", {}).get("shape")
    return {"statusCode": 200, "body": json.dumps(event)} if shape is None else SHAPES[shape]
