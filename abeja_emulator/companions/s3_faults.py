"""Faults of S3 under moto: at a fault the real botocore and urllib3 send over a connection in memory.

So every exception, retry and time-out is theirs. A call that nothing goes wrong with does not come by here.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.sax.saxutils import escape

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.httpsession import URLLib3Session
from moto.core.botocore_stubber import BotocoreStubber

from abeja_emulator.companions.call_faults import Calls, Exchange, response_headers
from abeja_emulator.companions.detours import Detours
from abeja_emulator.wire.messages import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from abeja_emulator.faults.effects import Status
    from abeja_emulator.platform import Platform
    from abeja_emulator.wire.messages import Request

#: Code and message of S3's errors, by status; of others the words of HTTP are taken.
_ERRORS = {
    400: ("BadRequest", "Bad Request"),
    403: ("AccessDenied", "Access Denied"),
    404: ("NoSuchKey", "The specified key does not exist."),
    405: ("MethodNotAllowed", "The specified method is not allowed against this resource."),
    409: ("OperationAborted", "A conflicting conditional operation is currently in progress against this resource."),
    412: ("PreconditionFailed", "At least one of the pre-conditions you specified did not hold"),
    416: ("InvalidRange", "The requested range is not satisfiable"),
    429: ("SlowDown", "Please reduce your request rate."),
    500: ("InternalError", "We encountered an internal error. Please try again."),
    501: ("NotImplemented", "A header you provided implies functionality that is not implemented."),
    503: ("SlowDown", "Please reduce your request rate."),
}

#: What moto is asked before a call of S3 is sent.
_EVENT = "before-send.s3."


class _Pending(NamedTuple):
    """A call that goes wrong and is about to be sent."""

    request: AWSPreparedRequest
    exchange: Exchange


@contextmanager
def faulty_s3(platform: Platform) -> Iterator[None]:
    """Let the calls of boto3 that moto answers go wrong as the plan of a Platform says."""
    detours = Detours(platform.spool)
    thread = threading.local()
    ask: Any = BotocoreStubber.__call__
    send: Any = URLLib3Session.send

    def before_send(moto: BotocoreStubber, event_name: str, request: AWSPreparedRequest, **options: Any) -> Any:
        thread.pending = None
        if not (moto.enabled and platform.faults and event_name.startswith(_EVENT)):
            return ask(moto, event_name, request, **options)
        operation = event_name[len(_EVENT) :]
        calls = Calls(platform.faults, platform.clock, "s3", request.method, operation)
        hit = calls.next()
        if hit is None:
            answer = ask(moto, event_name, request, **options)
            calls.carried(0 if answer is None else len(answer.raw.getvalue()))
            return answer

        def answered(sent: AWSPreparedRequest) -> Any:
            with detours.left():
                return ask(moto, event_name, sent, **options)

        thread.pending = _Pending(request, Exchange(calls, hit, _Bucket(request, answered)))
        return None  # so that it is sent

    def sent(session: URLLib3Session, request: AWSPreparedRequest) -> Any:
        pending, thread.pending = getattr(thread, "pending", None), None
        if pending is None or pending.request is not request:
            return send(session, request)
        with detours.taken(request.url, pending.exchange.attempt):
            return send(session, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "__call__", before_send)
        patch.setattr(URLLib3Session, "send", sent)
        yield


class _Bucket:
    """A call that moto answers.

    Args:
        request: as it was to be sent.
        ask: asks moto.
    """

    def __init__(self, request: AWSPreparedRequest, ask: Callable[[AWSPreparedRequest], Any]) -> None:
        self._request = request
        self._ask = ask

    def do(self, request: Request) -> Response:
        """Ask moto, with the body as it came."""
        asked = self._request
        answer = self._ask(
            AWSPreparedRequest(asked.method, asked.url, asked.headers, request.read(), asked.stream_output)
        )
        if answer is None:
            message = f"moto has no answer for {asked.url.partition('?')[0]}, so nothing can be done there and go wrong"
            raise LookupError(message)
        body = answer.raw.read()
        return Response(answer.status_code, response_headers(answer.headers.items(), body, request.method), body)

    def refuse(self, status: Status) -> Response:
        """Return an error as S3 has it."""
        code, message = _error(status.status)
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{code}</Code><Message>{escape(status.message or message)}</Message>"
            "<RequestId>ABEJAEMULATORFLT</RequestId><HostId>abeja-emulator</HostId></Error>"
        )
        headers = [("Content-Type", "application/xml"), ("x-amz-request-id", "ABEJAEMULATORFLT")]
        if status.retry_after is not None:
            headers.append(("Retry-After", str(status.retry_after)))
        body = text.encode()
        return Response(status.status, [*headers, ("Content-Length", str(len(body)))], body)


def _error(status: int) -> tuple[str, str]:
    if status in _ERRORS:
        return _ERRORS[status]
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        return f"Status{status}", f"status {status}"
    return "".join(word.capitalize() for word in phrase.replace("-", " ").split()), phrase
