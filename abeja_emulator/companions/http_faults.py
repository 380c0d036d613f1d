"""Faults of stubbed HTTP: at a fault the real `requests` and urllib3 send over a connection in memory.

So every exception, retry and time-out is theirs. A call that nothing goes wrong with does not come by here.
"""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from urllib3.util.retry import Retry

from abeja_emulator.companions.call_faults import Calls, Exchange, response_headers
from abeja_emulator.companions.detours import Detours, is_answered
from abeja_emulator.wire.messages import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import PreparedRequest
    from requests import Response as Answer
    from requests.adapters import HTTPAdapter
    from responses import RequestsMock

    from abeja_emulator.faults.effects import Status
    from abeja_emulator.platform import Platform
    from abeja_emulator.wire.messages import Request


class _Raised(Exception):
    """Carries what a stub raises past the client, which would take it for trouble with its connection."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(repr(error))
        self.error = error


@contextmanager
def faulty(mock: RequestsMock, platform: Platform) -> Iterator[None]:
    """Let the calls that come to a mock go wrong as the plan of a Platform says; those of the Platform do so anyway."""
    hooked: Any = mock
    detours = Detours(platform.spool)
    original = hooked._on_request  # noqa: SLF001 - there is no other place where its own retries come by, too

    def on_request(adapter: HTTPAdapter, request: PreparedRequest, *, retries: Any = None, **options: Any) -> Answer:
        url, method = str(request.url), str(request.method)
        calls = Calls(platform.faults, platform.clock, "http", method, url)
        hit = None if not platform.faults or is_answered(url) else calls.next()
        if hit is None:
            answer: Answer = original(adapter, request, retries=retries, **options)
            calls.carried(_size(request.body) + (0 if options.get("stream") else _size(answer.content)))
            return answer

        def stubbed(sent: PreparedRequest) -> Answer:
            # Once, without the retries that the library plays: now urllib3 has them.
            with detours.left():
                return original(adapter, sent, retries=Retry(0), **options)  # type: ignore[no-any-return]

        exchange = Exchange(calls, hit, _Stub(request, stubbed))
        try:
            with detours.taken(url, exchange.attempt):
                return hooked._real_send(_fresh(adapter, retries), request, **options)  # type: ignore[no-any-return] # noqa: SLF001
        except _Raised as raised:
            raise raised.error from None

    hooked._on_request = on_request  # noqa: SLF001
    try:
        yield
    finally:
        del hooked._on_request  # noqa: SLF001


class _Stub:
    """A call that a stub answers.

    Args:
        request: as it was to be sent.
        send: asks the stub.
    """

    def __init__(self, request: PreparedRequest, send: Callable[[PreparedRequest], Answer]) -> None:
        self._request = request
        self._send = send

    def do(self, request: Request) -> Response:
        """Ask the stub, with the body as it came."""
        sent = self._request.copy()
        body: Any = sent.body
        if body is not None and not isinstance(body, (bytes, str)):
            sent.body = request.read()
        try:
            answer = self._send(sent)
        except Exception as error:
            raise _Raised(error) from error
        raw: Any = answer.raw
        content = raw.read(decode_content=False) or b""
        return Response(answer.status_code, response_headers(raw.headers.items(), content, request.method), content)

    def refuse(self, status: Status) -> Response:
        """Return an answer in plain text."""
        text = status.message or _phrase(status.status)
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        if status.retry_after is not None:
            headers.append(("Retry-After", str(status.retry_after)))
        body = text.encode()
        return Response(status.status, [*headers, ("Content-Length", str(len(body)))], body)


def _size(body: Any) -> int:
    """Return the length of a body, as far as it is known; of a stream nothing is before it was read."""
    return len(body) if isinstance(body, (bytes, str)) else 0


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"status {status}"


def _fresh(adapter: HTTPAdapter, retries: Any) -> HTTPAdapter:
    """Return an adapter like another one, but without its connections, and with so many retries left.

    A connection that was kept would pass by what goes wrong with a new one.
    """
    other: Any = object.__new__(type(adapter))
    vars(other).update(vars(adapter), proxy_manager={})
    if retries is not None:
        other.max_retries = retries
    known: Any = adapter
    other.init_poolmanager(known._pool_connections, known._pool_maxsize, block=known._pool_block)  # noqa: SLF001
    return other  # type: ignore[no-any-return]
