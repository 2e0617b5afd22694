"""Builds AWS's payload-2.0 event (function URLs, HTTP APIs) from a request that travelled as its parts."""

import re
from binascii import b2a_base64
from time import gmtime, strftime

#: Fields before the route parameters: see HTTP_CALL_FIELDS of the protocol.
_FIELDS = 9

_is_text_type = re.compile(
    r"\s*(?:text/|application/(?:[^;\s]*\+)?(?:json|xml|javascript|x-www-form-urlencoded)\s*(?:;|$))", re.IGNORECASE
).match


def http_event(head, body, request_id):
    parts = head.split("\0")
    method, raw_path, raw_query, protocol, source_ip, domain_name, api_id, time_text, count = parts[:_FIELDS]
    time_epoch = int(time_text)
    headers_at = _FIELDS + 2 * int(count)

    headers = {}
    cookies = []
    for i in range(headers_at, len(parts) - 1, 2):
        name = parts[i].lower()
        if name == "cookie":
            cookies += _split_cookies(parts[i + 1])
        else:
            _add(headers, name, parts[i + 1])

    # In AWS's order of members.
    event = {"version": "2.0", "routeKey": "$default", "rawPath": raw_path, "rawQueryString": raw_query}
    if cookies:
        event["cookies"] = cookies
    event["headers"] = headers
    if raw_query:
        event["queryStringParameters"] = _query_parameters(raw_query)
    event["requestContext"] = {
        "accountId": "anonymous",
        "apiId": api_id,
        "domainName": domain_name,
        "domainPrefix": domain_name.partition(".")[0],
        "http": {
            "method": method,
            "path": raw_path,
            "protocol": protocol,
            "sourceIp": source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": _request_time(time_epoch // 1000),
        "timeEpoch": time_epoch,
    }
    if headers_at > _FIELDS:
        parameters = event["pathParameters"] = {}
        for i in range(_FIELDS, headers_at, 2):
            _add(parameters, parts[i], _decode(parts[i + 1]))
    event["isBase64Encoded"] = False
    if body:
        event["body"], event["isBase64Encoded"] = _body(body, headers.get("content-type", ""))
    return event


def _body(body, content_type):
    if _is_text_type(content_type):
        try:
            return str(body, "utf-8"), False
        except UnicodeDecodeError:
            pass  # As text its bytes would be lost.
    return b2a_base64(body, newline=False).decode(), True


def _add(values, name, value):
    """Repeats are joined by a comma."""
    values[name] = values[name] + "," + value if name in values else value


def _split_cookies(header):
    return [cookie for cookie in map(str.strip, header.split(";")) if cookie]


def _query_parameters(query):
    parameters = {}
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            _add(parameters, _decode(name.replace("+", " ")), _decode(value.replace("+", " ")))
    return parameters


def _decode(text):
    """What is not UTF-8 in percent signs stays as it came."""
    if "%" not in text:
        return text
    from urllib.parse import unquote

    if _faulty_percent(text):
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


_faulty_percent = re.compile("%(?![0-9A-Fa-f]{2})").search

_last_time = (-1, "")


def _request_time(second):
    """`05/Aug/2022:08:14:39 +0000`"""
    global _last_time
    if _last_time[0] != second:
        _last_time = (second, strftime("%d/%b/%Y:%H:%M:%S +0000", gmtime(second)))
    return _last_time[1]
