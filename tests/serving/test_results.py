"""What the platform is told of a request that was answered later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.serving.answers import Identity, error_response, response_of
from abeja_emulator.serving.messages import ModelAnswer
from abeja_emulator.serving.results import ResultPlace, failure_request, result_request
from abeja_emulator.wire.multipart_form import read_form
from tests.transports.stub_application import MemorySpool

if TYPE_CHECKING:
    from abeja_emulator.wire.messages import Request

PLACE = ResultPlace("1000000000000", "1234567890123", "req-1", "token-1")
IDENTITY = Identity("1234567890123", "ser-0123456789abcdef")


def parts(request: Request) -> dict[str, tuple[str | None, bytes]]:
    """Return type and content of the parts of a form."""
    uploads = read_form(request, MemorySpool)
    return {
        name: (each.content_type, each.content if isinstance(each.content, bytes) else each.content.read())
        for name, each in uploads.items()
    }


class TestResult:
    """A response goes as a form."""

    def test_whole(self) -> None:
        """Byte by byte, as Go writes it."""
        response = response_of(ModelAnswer(201, "text/plain; charset=utf-8", {"X-A": "犬"}, b"hello"), IDENTITY)
        request = result_request(PLACE, response)
        kind = request.header("content-type") or ""
        boundary = kind.partition("boundary=")[2]
        assert len(boundary) == 60
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "X-A": "犬",
            "X-Abeja-Sys-Meta-Proxy-Version": "2.6.5",
            "X-Abeja-Deployment-Id": "1234567890123",
            "X-Abeja-Service-Id": "ser-0123456789abcdef",
            "Connection": "close",
        }
        told = json.dumps(headers, ensure_ascii=False, separators=(",", ":"))
        assert request.read().decode() == (
            f"--{boundary}\r\nContent-Disposition: form-data; name=status\r\nContent-Type: text/plain\r\n\r\n201\r\n"
            f"--{boundary}\r\nContent-Disposition: form-data; name=headers\r\nContent-Type: application/json\r\n\r\n"
            f"{told}\r\n"
            f"--{boundary}\r\nContent-Disposition: form-data; name=body\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n--{boundary}--\r\n"
        )
        assert (request.method, request.target) == (
            "PUT",
            "/organizations/1000000000000/deployments/1234567890123/results/req-1",
        )
        assert request.headers == [
            ("Authorization", "Bearer token-1"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Type", f"multipart/form-data; boundary={boundary}"),
        ]

    def test_handler_that_failed(self) -> None:
        """What it answered is a result whatever the status."""
        response = response_of(ModelAnswer(500, error="unexpected error occurred"), IDENTITY)
        form = parts(result_request(PLACE, response))
        assert form["status"] == ("text/plain", b"500")
        assert form["body"] == ("application/json", b'{"status":"unexpected error occurred"}')

    @given(st.binary(max_size=100))
    def test_any_body(self, body: bytes) -> None:
        """It is read back as it was."""
        assert parts(result_request(PLACE, response_of(ModelAnswer(body=body), IDENTITY)))["body"][1] == body

    def test_body_that_holds_the_boundary(self) -> None:
        """Then it is another one; otherwise it is the same for the same request."""
        plain = result_request(PLACE, response_of(ModelAnswer(), IDENTITY)).header("content-type") or ""
        assert plain == result_request(PLACE, response_of(ModelAnswer(body=b"x"), IDENTITY)).header("content-type")
        body = f"\r\n--{plain.partition('boundary=')[2]}--\r\n".encode()
        request = result_request(PLACE, response_of(ModelAnswer(body=body), IDENTITY))
        assert request.header("content-type") != plain
        assert parts(request)["body"][1] == body


class TestFailure:
    """Without an answer it is JSON with the status 502."""

    def test_whole(self) -> None:
        """With the headers of what a client that waited would have got."""
        request = failure_request(PLACE, "it is gone", error_response(500, "lost", IDENTITY))
        assert json.loads(request.read()) == {
            "status": 502,
            "headers": {
                "Content-Type": "application/json",
                "X-Abeja-Sys-Meta-Proxy-Version": "2.6.5",
                "X-Abeja-Deployment-Id": "1234567890123",
                "X-Abeja-Service-Id": "ser-0123456789abcdef",
                "Connection": "close",
            },
            "body": {"error": "internal_server_error", "error_description": "it is gone"},
        }
        assert (request.method, request.target) == ("PUT", PLACE.target)
        assert request.headers == [
            ("Authorization", "Bearer token-1"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(request.length)),
        ]


class TestPlace:
    """Where it goes."""

    @pytest.mark.parametrize(
        ("request_id", "segment"), [("a/../b?c#d", "a%2F..%2Fb%3Fc%23d"), ("犬 1", "%E7%8A%AC%201")]
    )
    def test_any_request_id(self, request_id: str, segment: str) -> None:
        """A client chose it, and it stays one segment of the path."""
        assert ResultPlace("o", "d", request_id).target == f"/organizations/o/deployments/d/results/{segment}"

    def test_without_token(self) -> None:
        """Then there is no credential."""
        request = result_request(ResultPlace("o", "d", "r"), response_of(ModelAnswer(), IDENTITY))
        assert request.header("authorization") is None
