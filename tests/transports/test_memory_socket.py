"""What makes an object in memory a socket to its clients."""

from __future__ import annotations

import gc
import http.client
import io
import math
import select
import selectors
import socket
import weakref
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.clock import Clock
from abeja_emulator.transports.memory_socket import MemorySocket
from abeja_emulator.wire.delivery import Delivery
from abeja_emulator.wire.messages import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from abeja_emulator.transports.in_process import InProcess
    from abeja_emulator.wire.messages import Request
    from tests.transports.stub_application import StubApplication

GET = b"GET /hello HTTP/1.1\r\nHost: api.abeja.io\r\n\r\n"


@pytest.fixture
def connection(in_process: InProcess) -> Iterator[http.client.HTTPConnection]:
    """A connection to the application."""
    connection = http.client.HTTPConnection("api.abeja.io", timeout=3)
    connection.connect()
    yield connection
    connection.close()


@pytest.fixture
def sock(connection: http.client.HTTPConnection) -> MemorySocket:
    """Its socket."""
    sock: object = connection.sock
    assert isinstance(sock, MemorySocket)
    return sock


def readable(sock: MemorySocket) -> bool:
    """Ask the system."""
    return bool(select.select([sock], [], [], 0)[0])


def test_it_is_readable_when_there_is_something_to_read(sock: MemorySocket) -> None:
    """For select, and for a selector that asked for the descriptor long before."""
    selector = selectors.DefaultSelector()
    selector.register(sock, selectors.EVENT_READ)
    assert not readable(sock)
    assert selector.select(0) == []
    sock.sendall(GET)
    assert selector.select(0)
    assert readable(sock)
    while readable(sock):
        assert sock.recv(1000)
    assert selector.select(0) == []
    selector.close()


def test_it_asks_for_the_body_it_expects(sock: MemorySocket) -> None:
    """`100 Continue` is there before the body, and once."""
    sock.sendall(b"PUT /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert readable(sock)
    assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    sock.sendall(b"a")
    assert not readable(sock)
    sock.sendall(b"bc")
    assert sock.recv(100_000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_it_knows_its_timeout(sock: MemorySocket, connection: http.client.HTTPConnection) -> None:
    """The connection's own at first; nonsense is refused as a socket refuses it."""
    assert sock.gettimeout() == 3
    sock.settimeout(1.5)
    assert sock.gettimeout() == 1.5
    sock.setblocking(False)  # noqa: FBT003 - as sockets have it
    assert sock.gettimeout() == 0
    assert not sock.getblocking()
    with pytest.raises(BlockingIOError):
        sock.recv(1)
    sock.setblocking(True)  # noqa: FBT003 - as sockets have it
    assert sock.gettimeout() is None
    with pytest.raises(ValueError, match="out of range"):
        sock.settimeout(-1)
    with pytest.raises(TypeError):
        sock.settimeout("30")  # type: ignore[arg-type]


def test_it_answers_what_clients_ask_a_socket(sock: MemorySocket) -> None:
    """Options, addresses, kinds."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR, 4) == b"\0\0\0\0"
    assert sock.getpeername() == ("127.0.0.1", 80)
    assert sock.getsockname()[0] == "127.0.0.1"
    assert (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_STREAM)
    assert repr(sock) == "<MemorySocket http://api.abeja.io>"


def test_it_sends_and_receives_like_a_socket(sock: MemorySocket) -> None:
    """Through buffers and files as well."""
    assert sock.send(memoryview(GET)) == len(GET)
    buffer = bytearray(8)
    assert sock.recv_into(buffer) == 8
    assert buffer == b"HTTP/1.1"
    with sock.makefile("rb") as file:
        assert file.readline() == b" 200 OK\r\n"
        while file.readline() != b"\r\n":
            pass
        assert file.read(5) == b"hello"
    with sock.makefile("rwb") as file:
        file.write(GET)
        file.flush()
        assert file.readline() == b"HTTP/1.1 200 OK\r\n"
    with sock.makefile("wb") as file:
        file.write(GET)
    with sock.makefile("r", encoding="latin-1") as text:
        assert text.readline() == "helloHTTP/1.1 200 OK\n"


def test_it_outlives_its_close_while_a_file_reads_it(sock: MemorySocket) -> None:
    """As `http.client` relies on when a response ends the connection."""
    sock.sendall(GET)
    file = sock.makefile("rb")
    sock.close()
    assert file.readline() == b"HTTP/1.1 200 OK\r\n"
    file.close()
    assert sock.fileno() == -1
    with pytest.raises(OSError, match="Bad file descriptor"):
        sock.sendall(GET)
    sock.close()


def test_it_can_be_shut_down(sock: MemorySocket, connection: http.client.HTTPConnection) -> None:
    """Each direction for itself."""
    sock.sendall(GET)
    sock.shutdown(socket.SHUT_WR)
    with pytest.raises(BrokenPipeError):
        sock.sendall(GET)
    assert sock.recv(8) == b"HTTP/1.1"
    sock.shutdown(socket.SHUT_RD)
    assert sock.recv(8) == b""
    assert readable(sock)


def test_its_descriptor_can_be_taken_away(sock: MemorySocket) -> None:
    """Whoever detaches it closes it."""
    descriptor = sock.detach()
    assert descriptor > 2
    socket.close(descriptor)
    assert sock.fileno() == -1


def test_it_ends_with_its_context(sock: MemorySocket) -> None:
    """A socket is a context manager."""
    with sock:
        pass
    assert "closed" in repr(sock)


def test_a_forgotten_connection_is_freed_at_once(in_process: InProcess, descriptors: Callable[[], int]) -> None:
    """There is no cycle that would wait for the collector, and its descriptor goes with it."""
    before = descriptors()
    gc.disable()
    try:
        connection = http.client.HTTPConnection("api.abeja.io")
        connection.request("GET", "/hello")
        connection.getresponse().read()
        connection.sock.fileno()
        sock = weakref.ref(connection.sock)
        del connection
        assert sock() is None
    finally:
        gc.enable()
    assert descriptors() == before


def test_what_was_not_sent_whole_is_discarded(sock: MemorySocket, application: StubApplication) -> None:
    """The spool hears of a client that gave up."""
    sock.sendall(b"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + bytes(5))
    sock.close()

    assert application.spools[0].discarded
    assert application.requests == []


def test_nothing_comes_behind_an_answer_that_is_cut(sock: MemorySocket, application: StubApplication) -> None:
    """Of a client that sends its requests without waiting: the connection has ended, and the rest is let go of."""
    rest = io.BytesIO(b"rest")
    answers = iter((Response(200, [("Content-Length", "5")], b"hello"), Response(200, [("Content-Length", "4")], rest)))

    def answer(request: Request) -> Response:
        del request
        response = next(answers)
        if isinstance(response.body, bytes):
            response.delivery = Delivery(Clock(), stop_at=3, ending="closed")
        return response

    application.on("GET", "/hello", answer)
    sock.sendall(GET + GET)
    received = b"".join(iter(lambda: sock.recv(1000), b""))
    assert received.endswith(b"\r\n\r\nhel")
    assert received.count(b"HTTP/1.1 200") == 1
    assert rest.closed


@pytest.mark.parametrize("wait", [60.0, math.inf])
def test_the_content_of_an_answer_nobody_waits_for_is_let_go_of(
    sock: MemorySocket, application: StubApplication, wait: float
) -> None:
    """At the time-out, which the answer is told of."""
    content, given_up = io.BytesIO(b"hello"), []
    late = Response(200, [("Content-Length", "5")], content)
    late.delivery = Delivery(Clock(), wait=wait, given_up=lambda: given_up.append(1))
    application.on("GET", "/hello", lambda _: late)
    sock.sendall(GET)
    with pytest.raises(socket.timeout, match="timed out"):
        sock.recv(1000)
    assert content.closed
    assert given_up == [1]
    assert sock.recv(1000) == b""
