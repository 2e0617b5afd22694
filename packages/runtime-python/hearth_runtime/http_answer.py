"""Turns what a handler returned for an HTTP request into status, headers and body, by the rules of AWS function URLs: a
dict with `statusCode` is a response; anything else is 200 and its JSON, a string without its quotes.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from struct import pack

from hearth_runtime.errors import RuntimeFault

_HEAD_BYTES_MAX = 64 * 1024
_DEFAULT_HEAD = b"200\0content-type\0application/json"
_PREFIX_BYTES = 4

_is_header_name = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z").match
_is_header_value = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z").match
_is_status_text = re.compile(r"[0-9]{3}\Z").match


def http_answer(result, to_json):
    """The answer's bytes: head length, head, body. `to_json` makes bytes of a value, and raises what a handler may."""
    if isinstance(result, dict) and result.get("statusCode") is not None:
        head = _head(result["statusCode"], result.get("headers"), result.get("cookies"))
        body = _body(result.get("body"), result.get("isBase64Encoded"), to_json)
    else:
        head = _DEFAULT_HEAD
        body = _text_bytes(result) if isinstance(result, str) else to_json(result)
    return pack(">I", len(head)) + head + body


def _malformed(what):
    return RuntimeFault("Runtime.InvalidResponse", "The response is malformed: " + what)


def _head(status, headers, cookies):
    # Examples in AWS's own documentation give the number as text.
    if isinstance(status, str) and _is_status_text(status):
        status = int(status)
    if isinstance(status, float) and status.is_integer():
        status = int(status)
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise _malformed("statusCode must be a whole number from 200 to 599")
    fields = [str(int(status))]
    has_type = False

    if headers is not None:
        if not isinstance(headers, dict):
            raise _malformed("headers must be an object")
        for name, value in headers.items():
            if not isinstance(name, str) or not _is_header_name(name):
                raise _malformed("'%s' is not a header name" % (name,))
            if len(name) == 12 and name.lower() == "content-type":
                has_type = True
            for item in value if isinstance(value, (list, tuple)) else (value,):
                fields += (name, _header_text(name, item))
    if not has_type:
        fields += ("content-type", "application/json")
    if cookies is not None:
        if not isinstance(cookies, (list, tuple)) or not all(isinstance(cookie, str) for cookie in cookies):
            raise _malformed("cookies must be a list of texts")
        for cookie in cookies:
            fields += ("set-cookie", _header_text("set-cookie", cookie))
    head = "\0".join(fields).encode("latin-1")
    if len(head) > _HEAD_BYTES_MAX:
        raise _malformed("its headers are larger than %d bytes" % _HEAD_BYTES_MAX)
    return head


def _header_text(name, value):
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, (int, float)):
        value = str(value)
    elif not isinstance(value, str):
        raise _malformed("the value of header '%s' must be text, a number, a boolean or a list of them" % name)
    if not _is_header_value(value):
        raise _malformed("the value of header '%s' has characters HTTP does not allow" % name)
    return value


def _body(body, is_base64, to_json):
    if body is None:
        return b""
    if is_base64 is not True:
        return _text_bytes(body) if isinstance(body, str) else to_json(body)
    if not isinstance(body, str):
        raise _malformed("a body with isBase64Encoded must be text")
    try:
        return _base64_bytes(body)
    except (Base64Error, ValueError):
        raise _malformed("the body is not base64") from None


_is_base64 = re.compile(r"[A-Za-z0-9+/\-_\s]*={0,2}\s*\Z").match


def _base64_bytes(text):
    if not _is_base64(text):
        raise ValueError(text)
    # The URL-safe letters and missing padding are taken too, as Node takes them.
    text = text.translate(_URL_SAFE_LETTERS).rstrip()
    return a2b_base64(text + "==")


_URL_SAFE_LETTERS = {ord("-"): "+", ord("_"): "/"}


def _text_bytes(text):
    try:
        return text.encode()
    except UnicodeEncodeError:
        # A surrogate without its other half becomes the mark for a fault, as in Node.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
