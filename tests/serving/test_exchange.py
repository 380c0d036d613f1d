"""What `requests` would send arrives, and what was answered comes back as `requests` gives it."""

from __future__ import annotations

import io
from typing import Any

import pytest

from abeja_emulator.serving.exchange import exchange
from abeja_emulator.wire.messages import Request, Response

URL = "https://1234567890123.api.abeja.io/deployments/1/services/ser-1"


class Echo:
    """Keeps the request, and answers as it is told."""

    def __init__(self, response: Response | None = None) -> None:
        self.response = response or Response(200, [("Content-Length", "2")], b"{}")
        self.request: Any = None

    def __call__(self, request: Request) -> Response:
        """Answer."""
        self.request = request
        return self.response


@pytest.mark.parametrize(
    ("options", "content_type", "body"),
    [
        ({"json": {"a": [1, "é"]}}, "application/json", b'{"a": [1, "\\u00e9"]}'),
        ({"data": {"a": 1}}, "application/x-www-form-urlencoded", b"a=1"),
        ({"data": b"\xff", "headers": {"Content-Type": "image/png"}}, "image/png", b"\xff"),
        ({"data": "é", "headers": {"Content-Type": "text/plain"}}, "text/plain", b"\xc3\xa9"),
        ({"data": io.BytesIO(b"file"), "headers": {"Content-Type": "a/b"}}, "a/b", b"file"),
        ({"data": iter([b"pie", b"ces"]), "headers": {"Content-Type": "a/b"}}, "a/b", b"pieces"),
        ({"data": b"untyped"}, None, b"untyped"),
        ({}, None, b""),
    ],
)
def test_bodies_are_those_of_requests(options: dict[str, Any], content_type: str | None, body: bytes) -> None:
    """Its types, too."""
    echo = Echo()
    exchange("POST", URL, echo, options)
    assert (echo.request.header("content-type"), echo.request.read()) == (content_type, body)
    assert (echo.request.method, echo.request.scheme, echo.request.host) == ("POST", "https", URL.split("/")[2])


def test_files_become_a_form() -> None:
    echo = Echo()
    exchange("POST", URL, echo, {"files": {"image": ("a.png", b"png", "image/png")}})
    assert echo.request.header("content-type").startswith("multipart/form-data; boundary=")
    assert b'name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\npng\r\n' in echo.request.read()


def test_query_and_headers() -> None:
    """The query is encoded, and the headers are those that a session adds, with one's own."""
    echo = Echo()
    exchange("GET", URL, echo, {"params": {"q": "a b&c"}, "headers": {"X-Own": "1"}, "auth": ("user-1", "secret")})
    assert echo.request.target == "/deployments/1/services/ser-1?q=a+b%26c"
    assert echo.request.header("x-own") == "1"
    assert echo.request.header("user-agent").startswith("python-requests/")
    assert echo.request.header("authorization").startswith("Basic ")


def test_a_header_that_no_socket_takes_is_refused() -> None:
    """As by the client of HTTP below `requests`."""
    with pytest.raises(UnicodeError):
        exchange("GET", URL, Echo(), {"headers": {"X-Own": "日本"}})


def test_the_answer_is_that_of_requests() -> None:
    """With headers of any case, several of one name, an encoding, and the request."""
    headers = [
        ("Content-Type", "application/json; charset=utf-8"),
        ("X-A", "1"),
        ("X-A", "2"),
        ("Content-Length", "13"),
    ]
    found = exchange("POST", URL, Echo(Response(418, headers, '{"a": "é"}  '.encode())), {"json": 1})
    assert (found.status_code, found.ok, found.json()) == (418, False, {"a": "é"})
    assert found.headers["content-type"] == "application/json; charset=utf-8"
    assert found.headers["x-a"] == "1, 2"
    assert (found.url, found.request.body, found.encoding) == (URL, b"1", "utf-8")
    assert found.elapsed.total_seconds() >= 0


def test_a_redirection_is_not_followed() -> None:
    """It is what the handler has answered."""
    echo = Echo(Response(302, [("Location", "https://elsewhere.example/"), ("Content-Length", "0")]))
    assert exchange("POST", URL, echo, {"json": 1}).headers["location"] == "https://elsewhere.example/"


def test_a_head_has_no_body() -> None:
    assert exchange("HEAD", URL, Echo(Response(501, [("Content-Length", "2")], b"{}")), {}).content == b""
