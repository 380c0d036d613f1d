"""Requests out of bytes, however the bytes are cut."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.transports import http1
from abeja_emulator.wire.messages import Response

if TYPE_CHECKING:
    from abeja_emulator.wire.messages import Request
    from tests.transports.stub_application import StubApplication

GET = b"GET /a%2Fb?c=%20 HTTP/1.1\r\nHost: API.abeja.io\r\nlabel_id: 1\r\nLabel-Id: 2 \r\nX: \xe9\r\n\r\n"


def read(application: StubApplication, data: bytes, size: int = 10**9, scheme: str | None = None) -> list[Request]:
    """Return the requests in bytes that come in pieces of that size."""
    reader = http1.RequestReader(application.spool, scheme=scheme)
    requests = []
    for start in range(0, len(data), size):
        request = reader.feed(data[start : start + size])
        while request is not None:
            requests.append(request)
            request = reader.feed(b"")
    return requests


@pytest.mark.parametrize("size", [1, 2, 7, 10**9])
def test_nothing_of_a_head_is_normalised(application: StubApplication, size: int) -> None:
    """Names keep their spelling, the target its percent-encoding, bytes become latin-1."""
    (request,) = read(application, GET, size)

    assert request.method == "GET"
    assert request.target == "/a%2Fb?c=%20"
    assert request.headers == [("Host", "API.abeja.io"), ("label_id", "1"), ("Label-Id", "2"), ("X", "é")]
    assert (request.scheme, request.host) == ("https", "api.abeja.io")
    assert (request.read(), request.length) == (b"", 0)


@pytest.mark.parametrize("size", [1, 3, 10**9])
def test_requests_follow_each_other_on_one_connection(application: StubApplication, size: int) -> None:
    """What is left after one request begins the next."""
    fixed = b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345"
    chunked = (
        b"POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;name=value\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n"
    )
    requests = read(application, fixed + chunked + GET + fixed, size)

    assert [(request.target, request.read(), request.length) for request in requests] == [
        ("/1", b"12345", 5),
        ("/2", b"abc0123456789", 13),
        ("/a%2Fb?c=%20", b"", 0),
        ("/1", b"12345", 5),
    ]


def test_a_body_is_spooled_while_it_arrives(application: StubApplication) -> None:
    """A large body is never held as a whole by the transport."""
    reader = http1.RequestReader(application.spool)
    reader.feed(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n")
    assert [reader.feed(bytes(100_000)) for _ in range(2)] == [None, None]
    request = reader.feed(bytes(100_000))

    assert request is not None
    assert request.length == 300_000
    assert application.spools[0].writes == [100_000] * 3


def test_a_body_that_never_became_whole_is_discarded(application: StubApplication) -> None:
    """The spool hears of it."""
    reader = http1.RequestReader(application.spool)
    reader.feed(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\nabc")
    reader.abandon()

    assert application.spools[0].discarded


@pytest.mark.parametrize(
    ("target", "scheme", "host", "path"),
    [
        (b"http://Api.abeja.io/x?y=%2F", "http", "api.abeja.io", "/x?y=%2F"),
        (b"https://org.api.abeja.io:8443/", "https", "org.api.abeja.io:8443", "/"),
        (b"http://api.abeja.io:80", "http", "api.abeja.io", "/"),
        (b"http://api.abeja.io?a=b", "http", "api.abeja.io", "/?a=b"),
        (b"http://user:secret@api.abeja.io/", "http", "api.abeja.io", "/"),
        (b"/x?u=http://other/", "https", "host", "/x?u=http://other/"),
        (b"//double", "https", "host", "//double"),
        (b"*", "https", "host", "*"),
    ],
)
def test_an_absolute_target_tells_scheme_and_host(
    application: StubApplication, target: bytes, scheme: str, host: str, path: str
) -> None:
    """A proxied request carries the whole URL; the host in its header counts for nothing."""
    (request,) = read(application, b"GET %b HTTP/1.1\r\nHost: HOST\r\n\r\n" % target)

    assert (request.scheme, request.host, request.target) == (scheme, host, path)


@pytest.mark.parametrize(
    ("header", "introduced", "scheme", "host"),
    [
        (b"api.abeja.io", None, "https", "api.abeja.io"),
        (b"api.abeja.io:443", None, "https", "api.abeja.io"),
        (b"api.abeja.io:80", "http", "http", "api.abeja.io"),
        (b"127.0.0.1:5000", None, "http", "127.0.0.1:5000"),
        (b"localhost", None, "http", "localhost"),
        (b"[::1]:5000", None, "http", "[::1]:5000"),
    ],
)
def test_the_scheme_follows_the_host_unless_it_is_known(
    application: StubApplication, header: bytes, introduced: str | None, scheme: str, host: str
) -> None:
    """A platform's host means https, an address of this machine http."""
    (request,) = read(application, b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % header, scheme=introduced)

    assert (request.scheme, request.host) == (scheme, host)


def test_a_value_over_several_lines_is_one_value(application: StubApplication) -> None:
    """Obsolete, yet `http.client` can send it."""
    (request,) = read(application, b"GET / HTTP/1.1\r\nHost: a\r\nX: one\r\n two\r\n\r\n")

    assert request.header("x") == "one two"


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / x HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nna me: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n folded: first\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 300_000,
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 300_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(application: StubApplication, data: bytes) -> None:
    """The answer is a 400 that says why and ends the connection."""
    with pytest.raises(http1.MalformedRequest) as refused:
        read(application, data, 1000)

    answer = refused.value.response()
    assert answer.status == 400
    assert ("Connection", "close") in answer.headers
    assert b"error_description" in answer.read()


def test_an_unknown_transfer_encoding_is_not_guessed(application: StubApplication) -> None:
    """501, as the standard says."""
    with pytest.raises(http1.MalformedRequest, match="gzip") as refused:
        read(application, b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n")

    assert refused.value.status == 501


@pytest.mark.parametrize(
    ("head", "closing"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", False),
    ],
)
def test_the_client_says_whether_the_connection_stays(application: StubApplication, head: bytes, closing: bool) -> None:
    """By its version and its Connection header."""
    reader = http1.RequestReader(application.spool)
    reader.feed(head)

    assert reader.closing is closing


def test_a_head_never_carries_a_line_break_of_a_value() -> None:
    """Or a value could smuggle in a header."""
    with pytest.raises(ValueError, match="line break"):
        http1.render_head(Response(200, [("X", "a\r\nSet-Cookie: b"), ("Content-Length", "0")]))


def test_a_stream_is_sent_up_to_its_length_and_closed() -> None:
    """The rest would be taken for the next response."""
    stream = io.BytesIO(b"0123456789")
    sent = list(http1.pieces(Response(200, [("Content-Length", "4")], stream), 4))

    assert sent == [b"0123"]
    assert stream.closed
