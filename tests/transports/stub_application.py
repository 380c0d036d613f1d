"""A small application for the transports to lead to."""

from __future__ import annotations

import io
import json
import os
import threading
from typing import TYPE_CHECKING, Any, Callable, Union

from abeja_emulator.wire.messages import Request, Response

if TYPE_CHECKING:
    from abeja_emulator.wire.messages import Body, Headers

    Answer = Union[Response, bytes, Callable[[Request], Response]]

ORIGIN = "https://api.abeja.io"


class MemorySpool:
    """Keeps a body in memory and counts how it came."""

    def __init__(self) -> None:
        self.writes: list[int] = []
        self.discarded = False
        self._content = io.BytesIO()

    def write(self, data: bytes) -> int:
        """Append bytes."""
        self.writes.append(len(data))
        return self._content.write(data)

    def finish(self) -> tuple[Body, int]:
        """Return the body as a stream, as a large one would come."""
        self._content.seek(0)
        return self._content, sum(self.writes)

    def discard(self) -> None:
        """Note that the request never became whole."""
        self.discarded = True


class StubApplication:
    """Answers by method and path, and records what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.bodies: list[bytes] = []
        self.spools: list[MemorySpool] = []
        self.processes: list[int] = []
        self._answers: dict[tuple[str, str], Answer] = {}
        self._lock = threading.Lock()

    def on(self, method: str, path: str, answer: Answer) -> None:
        """Answer a method and path from now on."""
        self._answers[method, path] = answer

    def spool(self) -> MemorySpool:
        """Return a fresh place for a body."""
        self.spools.append(MemorySpool())
        return self.spools[-1]

    def handle(self, request: Request) -> Response:
        """Answer a request."""
        with self._lock:
            self.processes.append(os.getpid())
            self.requests.append(request)
            self.bodies.append(request.read())
        answer = self._answers.get((request.method, request.target.partition("?")[0]))
        if callable(answer):
            return answer(request)
        if isinstance(answer, bytes):
            return response(answer)
        if answer is not None:
            body = answer.body
            if not isinstance(body, bytes):
                return answer
            return Response(answer.status, list(answer.headers), body)
        return response(b'{"error": "not_found"}', status=404)

    @property
    def last(self) -> Request:
        """The request that came last."""
        return self.requests[-1]


def response(
    body: bytes | str | dict[str, Any] = b"", *, status: int = 200, headers: Headers | None = None
) -> Response:
    """Return a response with the length of its body."""
    content_type = "application/json" if isinstance(body, dict) else "text/plain"
    if isinstance(body, dict):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    return Response(
        status,
        [("Content-Type", content_type), ("Content-Length", str(len(body))), *(headers or [])],
        body,
    )


def echo(request: Request) -> Response:
    """Answer with the body that was sent."""
    return response(request.read())
