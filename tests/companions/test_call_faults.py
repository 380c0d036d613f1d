"""One call of another world, attempt by attempt, without a client: what the plan counts and what is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.companions.call_faults import Calls, Exchange, response_headers
from abeja_emulator.wire.messages import Request, Response

if TYPE_CHECKING:
    from abeja_emulator.faults.effects import Status
    from abeja_emulator.platform import Platform


class Counting:
    """A world that counts what was done there."""

    def __init__(self) -> None:
        self.done: list[bytes] = []

    def do(self, request: Request) -> Response:
        """Do it."""
        self.done.append(request.read())
        return Response(200, [("Content-Length", "4")], b"done")

    def refuse(self, status: Status) -> Response:
        """Do it not."""
        return Response(status.status, [("Content-Length", "0")])


def calls_of(platform: Platform, url: str = "https://weights.example/model") -> Calls:
    """Return the calls of one URL."""
    return Calls(platform.faults, platform.clock, "http", "POST", url)


def test_each_attempt_is_a_call_that_is_counted_once(abeja: Platform) -> None:
    """The first is the one that fired; those after it go wrong when the plan says so, and the others are done."""
    fault = abeja.faults.add_line("http status=503 calls=1,3")
    calls, world = calls_of(abeja), Counting()
    first = calls.next()
    assert first is not None
    exchange = Exchange(calls, first, world)
    request = Request("POST", "/model", host="weights.example", body=b"body")
    answers = [exchange.attempt().answer(request) for _ in range(4)]
    assert [answer.status for answer in answers] == [503, 200, 503, 200]
    assert all(("Connection", "close") in answer.headers for answer in answers)
    assert world.done == [b"body", b"body"]
    assert (fault.seen, fault.fired) == (4, 2)


@pytest.mark.parametrize(
    ("words", "status", "done", "times"),
    [("lost", 0, 200, 1), ("lost=500", 500, 200, 1), ("closed=before", 0, None, 0), ("status=404", 404, None, 0)],
)
def test_what_a_hit_tells(abeja: Platform, words: str, status: int, done: int | None, times: int) -> None:
    """What the client saw, and what the world came to if it was asked at all."""
    abeja.faults.add_line(f"http {words}")
    calls, world = calls_of(abeja), Counting()
    hit = calls.next()
    assert hit is not None
    Exchange(calls, hit, world).attempt().answer(Request("POST", "/model", body=b"body"))
    assert abeja.faults.fired == [hit]
    assert (hit.status, hit.done, len(world.done)) == (status, done, times)


@pytest.mark.parametrize("url", ["https://weights.example/", "http://weights.example/"])
def test_certificates_fail_where_there_are_some(abeja: Platform, url: str) -> None:
    """Over http nobody looks at one."""
    fault = abeja.faults.add_line("http tls", optional=True)
    hit = calls_of(abeja, url).next()
    assert (hit is not None) == url.startswith("https") == (fault.fired == 1)


@pytest.mark.parametrize(
    ("method", "headers", "sent"),
    [
        ("GET", [("Content-Length", 99), ("X-A", b"\xe9")], [("X-A", "\xe9"), ("Content-Length", "4")]),
        ("GET", [("Transfer-Encoding", "chunked"), ("Connection", "keep-alive")], [("Content-Length", "4")]),
        ("HEAD", [("content-length", "99")], [("Content-Length", "99")]),
        ("HEAD", [], [("Content-Length", "4")]),
    ],
)
def test_headers_as_they_go_over_the_wire(method: str, headers: list[tuple[str, Any]], sent: Any) -> None:
    """As text, with the length that there is; an answer to HEAD keeps the length of what it stands for."""
    assert response_headers(headers, b"body", method) == sent
