"""HTTP/1.1 on the wire: requests out of bytes, responses into bytes.

No sockets here: the bytes come from wherever a transport gets them. Nothing is normalised that the
platform could see: header names keep their spelling, targets their percent-encoding.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Callable

from abeja_emulator.transports.child.abeja_emulator_child import join_host, split_url
from abeja_emulator.wire.messages import Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.wire.messages import Body, Headers, Spool

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

#: A head larger than this is not a request.
MAX_HEAD = 256 * 1024

#: A body this small that arrives in one piece needs no spool.
DIRECT = 64 * 1024

#: How much of a streamed body is read at once.
PIECE = 256 * 1024

_REQUEST_LINE = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^ \x00-\x1f\x7f]+) HTTP/1\.([01])")
_FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FRAMING = frozenset({"connection", "content-length", "expect", "host", "proxy-connection", "transfer-encoding"})
_BODILESS_STATUSES = (204, 304)
_FIRST_FINAL_STATUS = 200


class MalformedRequest(Exception):
    """Bytes that are not an HTTP/1.1 request; the connection is of no more use."""

    def __init__(self, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.status = status

    def response(self) -> Response:
        """Return the answer that says so and ends the connection."""
        return plain_error(self.status, str(self))


def plain_error(status: int, description: str) -> Response:
    """Return an error in the platform's dialect that comes from the transport and ends the connection."""
    response = Response(status, [])
    error = response.reason.lower().replace(" ", "_")
    response.body = json.dumps({"error": error, "error_description": description}).encode()
    response.headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(response.body))),
        ("Connection", "close"),
    ]
    return response


class _Fixed:
    """A body whose length was announced."""

    __slots__ = ("_first", "_left", "_size", "_spool", "_start")

    def __init__(self, start: Callable[[], Spool], size: int) -> None:
        self._start = start
        self._size = size
        self._left = size
        self._first: bytes | None = None
        self._spool: Spool | None = None

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes; once the body is whole, return what is left of them."""
        rest = b""
        if len(data) > self._left:
            data, rest = data[: self._left], data[self._left :]
        self._left -= len(data)
        if self._spool is None and not self._left and self._size <= DIRECT:
            self._first = data
            return rest
        if self._spool is None:
            self._spool = self._start()
        self._spool.write(data)
        return None if self._left else rest

    def finish(self) -> tuple[Body, int]:
        """Return the body and its length."""
        if self._spool is not None:
            return self._spool.finish()
        return self._first or b"", self._size

    def discard(self) -> None:
        """Forget the body."""
        if self._spool is not None:
            self._spool.discard()


class _Chunked:
    """A body that says piece by piece how long it is."""

    __slots__ = ("_left", "_line", "_spool", "_state")

    def __init__(self, start: Callable[[], Spool]) -> None:
        self._spool = start()
        self._line = b""
        self._left = 0
        self._state = "size"

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes; once the body is whole, return what is left of them."""
        while data:
            if self._state == "data":
                piece = data[: self._left]
                self._spool.write(piece)
                self._left -= len(piece)
                data = data[len(piece) :]
                if not self._left:
                    self._state = "end of data"
                continue
            line, end, rest = (self._line + data).partition(b"\n")
            if not end:
                self._line = line
                self._refuse_endless(line)
                return None
            self._line, data = b"", rest
            if self._take_line(line.rstrip(b"\r")):
                return data
        return None

    def _take_line(self, line: bytes) -> bool:
        if self._state == "size":
            digits = line.partition(b";")[0].strip(b" \t")
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", digits):
                message = f"a chunk starts with {line[:40]!r}, which is no size"
                raise MalformedRequest(message)
            self._left = int(digits, 16)
            self._state = "data" if self._left else "trailer"
        elif self._state == "end of data":
            if line:
                message = "a chunk is longer than its size says"
                raise MalformedRequest(message)
            self._state = "size"
        elif not line:
            return True
        return False

    def _refuse_endless(self, line: bytes) -> None:
        if len(line) > MAX_HEAD:
            message = "a line between chunks is too long"
            raise MalformedRequest(message)

    def finish(self) -> tuple[Body, int]:
        """Return the body and its length."""
        return self._spool.finish()

    def discard(self) -> None:
        """Forget the body."""
        self._spool.discard()


class RequestReader:
    """Makes requests out of the bytes of one connection.

    Attributes:
        closing: whether the client wants the connection to end after the request just read.
        expecting: whether the client waits for `100 Continue` before it sends the body.
    """

    __slots__ = ("_body", "_buffer", "_host", "_request", "_scheme", "_spool", "closing", "expecting")

    def __init__(self, spool: Callable[[], Spool], *, scheme: str | None = None, host: str = "") -> None:
        self._spool = spool
        self._scheme = scheme
        self._host = host
        self._buffer = b""
        self._request: Request | None = None
        self._body: _Fixed | _Chunked | None = None
        self.closing = False
        self.expecting = False

    @property
    def idle(self) -> bool:
        """Whether no request has begun."""
        return self._request is None and not self._buffer

    def introduce(self, scheme: str, host: str) -> None:
        """Say how the client addresses this connection, where its requests do not."""
        self._scheme = scheme
        self._host = host

    def feed(self, data: bytes) -> Request | None:
        """Take bytes and return the next whole request, if they complete it.

        Bytes beyond it are kept: call again with none until nothing comes back.
        """
        if self._request is None:
            if self._buffer:
                data = self._buffer + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._keep(data)
                return None
            self._take_head(data[:end])
            self._buffer = b""
            data = data[end + 4 :]
        request = self._request
        body = self._body
        if body is not None:
            if not data:
                return None
            self.expecting = False
            rest = body.feed(data)
            if rest is None:
                return None
            request.body, request.length = body.finish()  # type: ignore[union-attr]
            self._body = None
            data = rest
        if data:
            self._buffer = data
        self._request = None
        return request

    def abandon(self) -> None:
        """Forget a request that will never be whole."""
        if self._body is not None:
            self._body.discard()
            self._body = None
        self._request = None
        self._buffer = b""

    def _keep(self, data: bytes) -> None:
        data = data.lstrip(b"\r\n")
        if b"\n\n" in data or len(data) > MAX_HEAD:
            message = "this is not the head of an HTTP/1.1 request"
            raise MalformedRequest(message)
        self._buffer = data

    def _take_head(self, head: bytes) -> None:
        lines = head.decode("latin-1").lstrip("\r\n").split("\r\n")
        line = _REQUEST_LINE.fullmatch(lines[0])
        if line is None:
            message = f"{lines[0][:80]!r} is not the first line of an HTTP/1.1 request"
            raise MalformedRequest(message)
        method, target, minor = line.groups()
        headers: Headers = []
        framing: dict[str, str] = {}
        for field in lines[1:]:
            name, colon, value = field.partition(":")
            if not colon or not _FIELD_NAME.fullmatch(name):
                self._continue_field(field, headers)
                continue
            value = value.strip(" \t")
            headers.append((name, value))
            key = name.lower()
            if key in _FRAMING:
                framing[key] = _single(key, framing.get(key), value)
        scheme, host, target = self._place(method, target, framing)
        self._request = Request(method, target, scheme=scheme, host=host, headers=headers)
        connection = framing.get("connection", framing.get("proxy-connection", "")).lower()
        self.closing = "close" in connection or (minor == "0" and "keep-alive" not in connection)
        self._body = self._expect_body(framing)
        self.expecting = self._body is not None and framing.get("expect", "").lower() == "100-continue" and minor == "1"

    @staticmethod
    def _continue_field(field: str, headers: Headers) -> None:
        # A value over several lines: obsolete, but http.client can still send it.
        if field[:1] not in {" ", "\t"} or not headers:
            message = f"{field[:80]!r} is not a header"
            raise MalformedRequest(message)
        name, value = headers[-1]
        headers[-1] = (name, f"{value} {field.strip()}")

    def _place(self, method: str, target: str, framing: dict[str, str]) -> tuple[str, str, str]:
        scheme = self._scheme
        if target[0] != "/" and "://" in target:
            scheme, name, port, target = split_url(target)
            host = join_host(name, port)
            target = target.partition("#")[0]
            if target[:1] != "/":
                target = f"/{target}"
        else:
            host = framing.get("host", self._host).lower()
        if method == "CONNECT":
            return scheme or "https", target.lower(), target
        if scheme is None:
            scheme = scheme_of(host)
        standard = ":443" if scheme == "https" else ":80"
        return scheme, host.removesuffix(standard), target

    def _expect_body(self, framing: dict[str, str]) -> _Fixed | _Chunked | None:
        coding = framing.get("transfer-encoding")
        if coding is not None:
            if coding.lower() != "chunked":
                message = f"the transfer encoding {coding!r} is not known here, only chunked is"
                raise MalformedRequest(message, 501)
            return _Chunked(self._spool)
        length = framing.get("content-length")
        if length is None or length == "0":
            return None
        if not (length.isascii() and length.isdigit()):
            message = f"Content-Length is {length!r}, which is no length"
            raise MalformedRequest(message)
        return _Fixed(self._spool, int(length)) if int(length) else None


def _single(name: str, known: str | None, value: str) -> str:
    if known is None or known == value:
        return value
    if name in {"content-length", "host", "transfer-encoding"}:
        message = f"there are two values of {name}: {known!r} and {value!r}"
        raise MalformedRequest(message)
    return f"{known}, {value}"


def scheme_of(host: str) -> str:
    """Return how a host is addressed when the request does not say so."""
    name = host.rpartition(":")[0] or host
    return "http" if name in {"127.0.0.1", "localhost", "[::1]"} else "https"


def has_body(method: str, status: int) -> bool:
    """Tell whether a response to that method with that status carries a body at all."""
    return method != "HEAD" and status >= _FIRST_FINAL_STATUS and status not in _BODILESS_STATUSES


def announced_length(response: Response) -> int | None:
    """Return the length that the response's headers give, or None."""
    for name, value in response.headers:
        if name.lower() == "content-length":
            return int(value)
    return None


def render_head(response: Response, *, closing: bool = False) -> bytes:
    """Return the head of a response; `closing` says that the connection ends with it."""
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    if closing and not says_close(response):
        lines.append("Connection: close")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        message = f"a header of {response!r} contains a line break"
        raise ValueError(message)
    return head.encode("latin-1") + b"\r\n\r\n"


def says_close(response: Response) -> bool:
    """Tell whether a response says that the connection ends with it."""
    return any(name.lower() == "connection" and "close" in value.lower() for name, value in response.headers)


def pieces(response: Response, length: int | None) -> Iterator[bytes]:
    """Yield the body of a response, at most as long as announced, and close it."""
    body = response.body
    if isinstance(body, bytes):
        yield body if length is None or len(body) <= length else body[:length]
        return
    left = length
    with body:
        while left is None or left > 0:
            piece = body.read(PIECE if left is None else min(PIECE, left))
            if not piece:
                return
            if left is not None:
                left -= len(piece)
            yield piece
