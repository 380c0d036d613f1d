"""A socket without a network: what a client sends is answered before `sendall` returns.

There is no thread, and no descriptor until somebody asks for one. The answer waits here until the
client reads it, so the client's own code decides when that is.
"""

from __future__ import annotations

import errno
import os
import socket
import weakref
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from abeja_emulator.transports.child.abeja_emulator_child import file_of
from abeja_emulator.transports.delivered import NEVER, DeliveredBody
from abeja_emulator.transports.errors import NeverAnswered
from abeja_emulator.transports.http1 import (
    CONTINUE,
    MalformedRequest,
    RequestReader,
    announced_length,
    has_body,
    render_head,
    says_close,
)
from abeja_emulator.wire.messages import Response

if TYPE_CHECKING:
    import http.client

    from typing_extensions import Self

    from abeja_emulator.wire.delivery import Delivery
    from abeja_emulator.wire.messages import Application, Request

    Answer = tuple[str, "Response | OSError"]


class Line(Protocol):
    """What a socket needs of the transport that made it."""

    application: Application
    live: bool

    def take(self, request: Request) -> None:
        """Make a request that came in say what the platform expects."""

    def dial(self, connection: http.client.HTTPConnection, scheme: str, host: str, port: int) -> None:
        """Give a connection of a forked child a socket to the parent."""


class _System:
    """Functions of the system as they were before any test patched them (pyfakefs fakes pipes)."""

    pipe = staticmethod(os.pipe)
    read = staticmethod(os.read)
    write = staticmethod(os.write)
    close = staticmethod(os.close)


class _Signal:
    """A descriptor that `select` and `poll` can watch: readable when the socket is."""

    __slots__ = ("_raised", "_reader", "_writer", "pid")

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._raised = False
        # A pipe and no pair of sockets: those are what pytest-socket forbids.
        self._reader, self._writer = _System.pipe()

    def set(self, *, raised: bool) -> int:
        """Make the descriptor readable or not, and return it."""
        if raised and not self._raised:
            _System.write(self._writer, b"\0")
        elif self._raised and not raised:
            _System.read(self._reader, 1)
        self._raised = raised
        return self._reader

    def detach(self) -> int:
        """Return the descriptor, which now belongs to the caller."""
        reader, self._reader = self._reader, -1
        return reader

    def __del__(self, close: Any = _System.close) -> None:
        for descriptor in (self._reader, self._writer):
            if descriptor >= 0:
                close(descriptor)


class MemorySocket:
    """The socket of a connection to an emulated host."""

    __slots__ = (
        "__weakref__",
        "_answers",
        "_closed",
        "_connection",
        "_content",
        "_ended",
        "_host",
        "_io_refs",
        "_left",
        "_line",
        "_pid",
        "_port",
        "_reader",
        "_ready",
        "_scheme",
        "_shut",
        "_signal",
        "_stream",
        "_timeout",
    )

    family = socket.AF_INET
    type = socket.SOCK_STREAM
    proto = socket.IPPROTO_TCP

    def __init__(self, line: Line, connection: http.client.HTTPConnection, scheme: str, host: str, port: int) -> None:
        self._line = line
        # Weak, or every connection would be a cycle that only the collector frees.
        self._connection = weakref.ref(connection)
        self._scheme = scheme
        self._host = host
        self._port = port
        self._pid = os.getpid()
        self._reader = RequestReader(line.application.spool, scheme=scheme, host=host)
        self._answers: list[Answer] = []
        self._ready: memoryview | bytes = b""
        self._content: memoryview | bytes = b""
        self._stream: BinaryIO | None = None
        self._left: int | None = None
        self._signal: _Signal | None = None
        self._io_refs = 0
        self._closed = False
        self._ended = False
        self._shut = False
        timeout: Any = connection.timeout
        self._timeout: float | None = (
            timeout if timeout is None or isinstance(timeout, (int, float)) else socket.getdefaulttimeout()
        )

    # --- what a client sends

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Take bytes; those that complete a request have it answered."""
        del flags
        if self._pid != os.getpid():
            self._leave_for_loopback(data)
            return
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if self._shut:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        if self._ended or not self._line.live:
            self._ended = True
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        reader = self._reader
        try:
            request = reader.feed(data if type(data) is bytes else bytes(memoryview(data)))
            while request is not None:
                self._answer(request)
                request = None if reader.idle else reader.feed(b"")
        except MalformedRequest as error:
            self._answers.append(("", error.response()))
            self._ended = True
        if reader.expecting:
            reader.expecting = False
            self._ready = bytes(self._ready) + CONTINUE
        if self._signal is not None:
            self.fileno()

    def send(self, data: Any, flags: int = 0) -> int:
        """Take bytes, always all of them."""
        self.sendall(data, flags)
        return len(memoryview(data).cast("B"))

    def _answer(self, request: Request) -> None:
        self._line.take(request)
        answer: Response | OSError
        try:
            answer = self._line.application.handle(request)
        except OSError as error:
            # A lost connection or a time-out shows when the client reads, as on a network.
            answer = error
            self._ended = True
        finally:
            if not isinstance(request.body, bytes):
                request.body.close()
        if self._reader.closing:
            self._ended = True
            if isinstance(answer, Response) and not says_close(answer):
                closing = Response(answer.status, [*answer.headers, ("Connection", "close")], answer.body)
                closing.delivery = answer.delivery
                answer = closing
        self._answers.append((request.method, answer))

    def _leave_for_loopback(self, data: Any) -> None:
        # This process was forked after the connection was made. The platform lives in the parent, so
        # the connection goes on over the loopback, from the start of a request.
        connection = self._connection()
        if connection is None or connection.sock is not self or not self._reader.idle:
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        self._line.dial(connection, self._scheme, self._host, self._port)
        connection.sock.sendall(data)

    # --- what a client receives

    def first_answer(self) -> Answer | None:
        """Return the answer to come next, unless part of it or of something else was read already."""
        if not self._answers or self._content or self._stream is not None:
            return None
        return self._answers[0] if not self._ready or self._ready == CONTINUE else None

    def drop_answer(self, *, ends: bool) -> None:
        """Forget the answer to come next: its reader got it as it is."""
        del self._answers[0]
        self._ready = b""
        self._ended = self._ended or ends

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Fill a buffer with what comes next."""
        del flags
        view = memoryview(buffer).cast("B")
        data = self.recv(nbytes or len(view))
        view[: len(data)] = data
        return len(data)

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Return what comes next; nothing means that the connection has ended."""
        del flags
        while not self._ready:
            if self._stream is not None:
                data = self._read_stream(bufsize)
                if data:
                    return data
            elif self._content:
                self._ready, self._content = self._content, b""
            elif self._answers:
                method, answer = self._answers.pop(0)
                if isinstance(answer, OSError):
                    raise answer
                self._ready = memoryview(self._begin(method, answer))
            elif self._ended or self._closed or self._shut or not self._line.live:
                return b""
            elif self._timeout == 0:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            else:
                # Nobody will ever say more: waiting for the time-out would only cost time.
                message = "timed out"
                raise socket.timeout(message)
        data, self._ready = bytes(self._ready[:bufsize]), self._ready[bufsize:]
        if self._signal is not None:
            self.fileno()
        return data

    def _begin(self, method: str, response: Response) -> bytes:
        """Take up an answer: return its head, with its content to follow."""
        if says_close(response):
            self._ended = True
        if response.delivery is not None:
            return self._begin_delivery(method, response, response.delivery)
        body = response.body
        length = announced_length(response)
        if not has_body(method, response.status):
            if not isinstance(body, bytes):
                body.close()
        elif isinstance(body, bytes):
            self._content = memoryview(body)[:length]
            self._ended = self._ended or length is None or len(body) < length
        else:
            self._stream = body
            self._left = length
        return render_head(response)

    def _begin_delivery(self, method: str, response: Response, delivery: Delivery) -> bytes:
        """Take up an answer that is not brought at once and whole."""
        body = DeliveredBody(response.body, delivery, lambda seconds: self._pass_time(delivery, seconds))
        if delivery.wait:
            try:
                self._pass_time(delivery, delivery.wait)
            except BaseException:
                body.close()
                raise
        if delivery.ending != "whole":
            self._end()
        if delivery.head and not has_body(method, response.status):
            body.close()
            return render_head(response)
        self._stream = cast("BinaryIO", body)
        self._left = announced_length(response) if delivery.head else None
        return render_head(response) if delivery.head else b""

    def _pass_time(self, delivery: Delivery, seconds: float) -> None:
        """Let seconds pass; a time-out that is shorter is not waited for, since what comes of it is known."""
        timeout = self._timeout
        if seconds != NEVER and (timeout is None or seconds <= timeout):
            delivery.clock.sleep(seconds)
            return
        self._end()
        if delivery.given_up is not None:
            delivery.given_up()
        if timeout is None:
            raise NeverAnswered(self._host)
        if delivery.clock.virtual:
            delivery.clock.advance(timeout)
        message = "timed out"
        raise socket.timeout(message)

    def _read_stream(self, bufsize: int) -> bytes:
        stream, left = self._stream, self._left
        if stream is None:
            return b""
        size = bufsize if left is None else min(bufsize, left)
        data = stream.read(size) if size else b""
        if left is not None:
            self._left = left = left - len(data)
        # The end of the stream before its time is the end of the connection.
        self._ended = self._ended or (not data and left != 0)
        if not data or left == 0:
            stream.close()
            self._stream = None
        return data

    def makefile(self, mode: str = "r", buffering: int | None = None, **options: Any) -> Any:
        """Return a file that reads or writes this socket."""
        self._io_refs += 1
        return file_of(self, mode, buffering, options)

    # --- what makes it look like a socket

    def fileno(self) -> int:
        """Return a descriptor that is readable whenever this socket is."""
        if self._closed:
            return -1
        # After a fork the pipe is the parent's too, so a child makes one of its own.
        if self._signal is None or self._signal.pid != os.getpid():
            self._signal = _Signal()
        readable = bool(
            self._ready
            or self._content
            or self._stream is not None
            or self._answers
            or self._ended
            or self._shut
            or not self._line.live
        )
        return self._signal.set(raised=readable)

    def close(self) -> None:
        """Close the socket once no file that reads it is open."""
        self._closed = True
        if self._io_refs <= 0:
            self._release()

    def _decref_socketios(self) -> None:
        self._io_refs -= 1
        if self._closed and self._io_refs <= 0:
            self._release()

    def _release(self) -> None:
        if self._pid == os.getpid():
            self._reader.abandon()
            self._forget()
        self._signal = None

    def _end(self) -> None:
        """Let the connection end with the answer that was taken up: nothing comes behind it."""
        self._ended = True
        for _, answer in self._answers:
            if isinstance(answer, Response) and not isinstance(answer.body, bytes):
                answer.body.close()
        self._answers.clear()

    def _forget(self) -> None:
        self._end()
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._ready = self._content = b""

    def detach(self) -> int:
        """Close the socket without its descriptor, which is the caller's from now on."""
        self.fileno()
        signal, self._signal = self._signal, None
        self.close()
        return -1 if signal is None else signal.detach()

    def shutdown(self, how: int) -> None:
        """End one direction or both."""
        if how != socket.SHUT_WR:
            self._forget()
            self._ended = True
        if how != socket.SHUT_RD:
            self._shut = True

    def settimeout(self, value: float | None) -> None:
        """Note the time-out; nothing here ever waits."""
        if value is not None and value < 0:
            message = "Timeout value out of range"
            raise ValueError(message)
        self._timeout = value

    def gettimeout(self) -> float | None:
        """Return the time-out."""
        return self._timeout

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - the signature of a socket
        """Note whether the socket would wait."""
        self._timeout = None if flag else 0.0

    def getblocking(self) -> bool:
        """Tell whether the socket would wait."""
        return self._timeout != 0

    def setsockopt(self, *option: Any) -> None:
        """Do nothing: there is no network to tune."""

    def getsockopt(self, level: int, option: int, buflen: int = 0) -> int | bytes:
        """Return zero, which also means that there was no error."""
        del level, option
        return bytes(buflen) if buflen else 0

    def getpeername(self) -> tuple[str, int]:
        """Return an address of this machine, where the platform indeed is."""
        return "127.0.0.1", self._port

    def getsockname(self) -> tuple[str, int]:
        """Return an address of this machine."""
        return "127.0.0.1", 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<MemorySocket {self._scheme}://{self._host}{' closed' if self._closed else ''}>"
