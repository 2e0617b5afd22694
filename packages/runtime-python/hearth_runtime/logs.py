"""Makes the root logger print as AWS's does: `[LEVEL] TAB time TAB request id TAB text`, on standard error.

Importing `logging` costs milliseconds of every cold start, so a function that never logs never pays: it is set up at the
moment user code imports it.
"""

import sys

_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"


def set_up_logging(request_id):
    """`request_id()` names the call that runs."""
    loaded = sys.modules.get("logging")
    if loaded is not None:
        _add_handler(loaded, request_id)
    else:
        sys.meta_path.insert(0, _LoggingFinder(request_id))


def _add_handler(logging, request_id):
    class RequestIdFilter(logging.Filter):
        def filter(self, record):
            record.aws_request_id = request_id()
            return True

    class LambdaHandler(logging.Handler):
        def emit(self, record):
            try:
                sys.stderr.write(self.format(record) + "\n")
            except Exception:
                self.handleError(record)

    from time import gmtime

    formatter = logging.Formatter(_FORMAT, _TIME_FORMAT)
    formatter.converter = gmtime
    handler = LambdaHandler()
    handler.setFormatter(formatter)
    handler.addFilter(RequestIdFilter())
    logging.getLogger().addHandler(handler)


class _LoggingFinder:
    """Finds `logging` once, as the import system would, and adds the handler when it is loaded."""

    def __init__(self, request_id):
        self._request_id = request_id

    def find_spec(self, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_add(module):
            load(module)
            # A module of the user's own with this name is none of our business.
            if hasattr(module, "getLogger"):
                _add_handler(module, self._request_id)

        spec.loader.exec_module = load_and_add
        return spec
