"""The guest's side of the conversation: binds to one version, then runs its calls, strictly one at a time, in the order
they came. The host may place several calls in the channel; those that wait have not run in any sense.
"""

import builtins
import os
import sys
import time
from struct import Struct
from types import CoroutineType

from hearth_runtime.channel import (
    ARGUMENTS,
    CALL,
    FAILED,
    HTTP,
    INIT,
    INIT_FAILED,
    INITED,
    REJECTED,
    RETURNED,
    answer_frame,
    frame,
    started_frame,
)
from hearth_runtime.context import Context
from hearth_runtime.errors import error_json, error_log_text
from hearth_runtime.http_answer import http_answer
from hearth_runtime.http_event import http_event
from hearth_runtime.loader import load_handler
from hearth_runtime.logs import set_up_logging
from hearth_runtime.marshal import NotJson, from_json, to_json
from hearth_runtime.output import Output

_TRACE_ID = "_X_AMZN_TRACE_ID"

#: kind u8 | timeoutMs u32 | length of the request id u8
_unpack_call = Struct(">BIB").unpack_from
_CALL_BYTES = 6
_unpack_u16 = Struct(">H").unpack_from
_unpack_u32 = Struct(">I").unpack_from

# Captured: user code may replace it.
_exit = os._exit


class Guest:
    def __init__(self, channel):
        self._channel = channel
        self._request_id = ""
        self._trace_id = None
        self._loop = None

    def run(self):
        """Never returns: the process ends with the channel, or when user code ends it."""
        self._load(self._await_init())
        channel = self._channel
        answer = b""
        while True:
            # An answer waits for the next call's start if that call is here already: both leave in one write.
            if answer and not channel.has_frame():
                channel.send(answer)
                answer = b""
            kind, sequence, nonce, payload = channel.receive()
            if kind != CALL:
                continue  # The host is trusted; a frame of a later version of the channel is passed over.
            channel.send(answer + started_frame(sequence, nonce))
            status, body = self._call(payload)
            flags = self._output.end_call(sequence)
            answer = answer_frame(sequence, nonce, status, flags, body)

    # Loading

    def _await_init(self):
        while True:
            kind, _, _, payload = self._channel.receive()
            if kind == INIT:
                return from_json(payload)

    def _load(self, init):
        init["memoryLimitInMb"] = str(init["memoryMb"])
        self._init = init
        self._answer_bytes_max = init["answerBytesMax"]
        self._output = Output(init["boundary"])
        self._take_place(init)
        set_up_logging(lambda: self._request_id)
        try:
            self._handler = load_handler(init["taskRoot"], init["handler"])
        except SystemExit:
            raise
        except BaseException as error:
            self._output.print_error(error_log_text(error))
            self._output.end_call(0)
            self._channel.send(frame(INIT_FAILED, error_json(error, "")))
            _exit(1)
        self._channel.send(frame(INITED))

    def _take_place(self, init):
        """The process as user code expects it: environment, directory, time zone."""
        os.environ.clear()
        os.environ.update(init["env"])
        os.chdir(init["taskRoot"])
        time.tzset()
        del sys.argv[1:]
        # Without the `site` module, which costs milliseconds, these are missing.
        if not hasattr(builtins, "exit"):
            builtins.exit = builtins.quit = sys.exit

    # One call

    def _call(self, payload):
        """(status, body) of the answer."""
        try:
            kind, args = self._arguments(payload)
        except NotJson as error:
            return REJECTED, ("Could not parse request body into json: %s" % error).encode("utf-8", "replace")
        try:
            result = self._handler(*args)
            if type(result) is CoroutineType:
                result = self._await(result)
            body = http_answer(result, to_json) if kind == HTTP else to_json(result)
        except SystemExit:
            raise  # The process ends, as at AWS.
        except BaseException as error:
            self._output.print_error(error_log_text(error))
            return FAILED, error_json(error, self._request_id)
        if len(body) > self._answer_bytes_max:
            return FAILED, self._too_large()
        return RETURNED, body

    def _arguments(self, payload):
        kind, timeout_ms, id_bytes = _unpack_call(payload)
        at = _CALL_BYTES + id_bytes
        self._request_id = request_id = str(payload[_CALL_BYTES:at], "latin-1")
        (extras_bytes,) = _unpack_u16(payload, at)
        at += 2
        extras = None
        trace_id = None
        if extras_bytes:
            extras = from_json(payload[at : at + extras_bytes])
            trace_id = extras.get("traceId")
            at += extras_bytes
        if trace_id != self._trace_id:
            self._set_trace_id(trace_id)

        if kind == HTTP:
            (head_bytes,) = _unpack_u32(payload, at)
            at += 4
            head = str(payload[at : at + head_bytes], "latin-1")
            event = http_event(head, payload[at + head_bytes :], request_id)
        else:
            body = payload[at:]
            if kind == ARGUMENTS:
                arguments = from_json(body)
                if type(arguments) is not list:
                    raise NotJson("arguments must be a list")
                return kind, arguments
            event = from_json(body) if len(body) else {}
        return kind, (event, Context(self._init, request_id, timeout_ms, extras))

    def _set_trace_id(self, trace_id):
        self._trace_id = trace_id
        if trace_id is None:
            os.environ.pop(_TRACE_ID, None)
        else:
            os.environ[_TRACE_ID] = trace_id

    def _await(self, coroutine):
        """`async def` handlers, which AWS does not run, share one event loop."""
        import asyncio

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(coroutine)

    def _too_large(self):
        limit = self._answer_bytes_max
        message = "Response payload size exceeded maximum allowed payload size (%d bytes)." % limit
        return to_json({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"})
