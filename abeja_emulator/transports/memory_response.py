"""The short way from a `Response` to the `http.client.HTTPResponse` that a client reads.

Writing a head as bytes only to have the e-mail parser read it again costs more than everything else
in a call, so the fields are set as the parser would have set them. Whatever is not plain goes the
long way, and so does every client that brings a response class of its own.
"""

from __future__ import annotations

import http.client
import io
from typing import Any, BinaryIO

from abeja_emulator.transports.http1 import has_body
from abeja_emulator.transports.memory_socket import MemorySocket
from abeja_emulator.wire.messages import Response

_VERSION = 11


class _BytesBody(io.BytesIO):
    """Content at hand; it shares the memory of the bytes it was made of."""

    def __init__(self, content: bytes, sock: MemorySocket) -> None:
        super().__init__(content)
        self._sock = sock

    def peek(self, size: int = 0) -> bytes:
        """Return bytes to come without moving on, as a buffered reader does."""
        del size
        position = self.tell()
        content = self.read(io.DEFAULT_BUFFER_SIZE)
        self.seek(position)
        return content

    def fileno(self) -> int:
        """Return the descriptor of the connection."""
        return self._sock.fileno()


class _StreamBody(io.RawIOBase):
    """Content read piece by piece from where it is stored."""

    def __init__(self, stream: BinaryIO, sock: MemorySocket) -> None:
        super().__init__()
        self._stream = stream
        self._sock = sock

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what comes next."""
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def fileno(self) -> int:
        """Return the descriptor of the connection: a file's own would tell how large it is."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the content."""
        if not self.closed:
            self._stream.close()
        super().close()


class _Arrival:
    """A response that needs no parser. To `http.client` it looks like the socket it came from."""

    __slots__ = ("_body", "_sock", "closing", "headers", "length", "response")

    def __init__(self, sock: MemorySocket, response: Response) -> None:
        self._sock = sock
        self._body = response.body
        self.response = response
        self.headers = list(response.headers)
        self.closing = False
        self.length: int | None = None

    def read_head(self) -> bool:
        """Note what `http.client` wants to know of the head; only a real parser does others justice."""
        for name, value in self.headers:
            if not (value.isascii() and value.isprintable()) or value[:1] == " ":
                return False
            key = name.lower()
            if key == "content-length":
                if self.length is not None or not value.isdigit():
                    return False
                self.length = int(value)
            elif key == "connection":
                self.closing = self.closing or "close" in value.lower()
            elif key == "content-type":
                if value[:8].lower().startswith(("multipa", "message")):
                    return False
            elif key == "transfer-encoding":
                return False
        return True

    def is_whole(self) -> bool:
        """Tell whether the content is as long as announced, as far as that is known yet."""
        body = self._body
        return not isinstance(body, bytes) or (self.length is not None and len(body) >= self.length)

    def strip(self) -> None:
        """Take the body away: this response has none, whatever the application put there."""
        if not isinstance(self._body, bytes):
            self._body.close()
        self._body = b""
        self.length = 0

    def makefile(self, mode: str) -> io.BufferedIOBase:
        """Return the content as a file, positioned after the head."""
        del mode
        if isinstance(self._body, bytes):
            return _BytesBody(self._body, self._sock)
        return io.BufferedReader(_StreamBody(self._body, self._sock), 65536)


class MemoryResponse(http.client.HTTPResponse):
    """An `http.client.HTTPResponse` that takes the short way when it can."""

    def __init__(self, sock: Any, debuglevel: int = 0, method: str | None = None, url: str | None = None) -> None:
        self._arrival = arrival = None if debuglevel else _arrive(sock)
        source: Any = sock if arrival is None else arrival
        super().__init__(source, debuglevel, method, url)

    def begin(self) -> None:
        """Read the head, by parsing it only if it came as bytes."""
        arrival = self._arrival
        if arrival is None:
            super().begin()
            return
        self._arrival = None
        self.code = self.status = arrival.response.status
        self.reason = arrival.response.reason
        self.version = _VERSION
        message: Any = http.client.HTTPMessage()
        message._headers = arrival.headers  # noqa: SLF001 - the short way is exactly this
        message._payload = ""  # noqa: SLF001
        self.headers = self.msg = message
        self.chunked = False
        self.length = arrival.length
        self.will_close = arrival.closing or arrival.length is None


def _arrive(sock: Any) -> _Arrival | None:
    """Return the response that waits in a socket, or None when the bytes have to be read."""
    if type(sock) is not MemorySocket:
        return None
    answer = sock.first_answer()
    if answer is None:
        return None
    method, response = answer
    if not isinstance(response, Response) or response.delivery is not None:
        return None
    arrival = _Arrival(sock, response)
    if not arrival.read_head():
        return None
    if not has_body(method, response.status):
        arrival.strip()
    # After a content that is too short nobody can tell what comes next.
    sock.drop_answer(ends=arrival.closing or not arrival.is_whole())
    return arrival
