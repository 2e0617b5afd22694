"""JSON in and out. Only what is JSON by the standard passes: not NaN, not Infinity."""

import json
import sys

from hearth_runtime.errors import RuntimeFault


def _refuse(constant):
    raise ValueError("%s is not JSON" % constant)


def _default(value):
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


# Captured before user code can replace them.
_decode = json.JSONDecoder(parse_constant=_refuse).decode
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_default).encode
_encode_ascii = json.JSONEncoder(allow_nan=False, default=_default).encode


class NotJson(Exception):
    """What came is not JSON; the text is for the caller."""


def from_json(data):
    try:
        return _decode(str(data, "utf-8"))
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise NotJson("it is not valid UTF-8") from None
    except ValueError as error:
        raise NotJson(str(error)) from None


def to_json(value):
    """Bytes. Raises a RuntimeFault if the value cannot be JSON."""
    try:
        try:
            return _encode(value).encode()
        except UnicodeEncodeError:
            # A surrogate without its other half exists in JSON only escaped.
            return _encode_ascii(value).encode()
    except Exception as error:
        raise RuntimeFault("Runtime.MarshalError", "Unable to marshal response: %s" % error) from None
