"""The socket of a child to whom it is said where time passes: the bytes of the answer, and its own time-out."""

from __future__ import annotations

import http.client
import io
import select
import socket
import threading
from typing import TYPE_CHECKING, Any, Callable

import pytest

from abeja_emulator.clock import Clock
from abeja_emulator.transports.child.abeja_emulator_child import LedSocket, NeverAnswered, dial
from abeja_emulator.transports.loopback import Loopback
from abeja_emulator.wire.delivery import Delivery
from abeja_emulator.wire.messages import Response
from tests.transports.stub_application import StubApplication

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.wire.messages import Request

GET = b"GET /hello HTTP/1.1\r\nHost: api.abeja.io\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"

#: What could be taken for something else: seconds, the head of a frame, the beginning of either.
CONTENTS = [b"<", b"~", b"~1.0\n", b"5\n", b"\n", b"\0", b"\x18", bytes(range(256)) * 4000]


class Troubles:
    """Something may go wrong, though no connection fails."""

    expected = True

    @staticmethod
    def meet_connection(scheme: str, host: str) -> None:
        """Let each of them come about."""


@pytest.fixture
def application() -> StubApplication:
    """What answers."""
    return StubApplication()


@pytest.fixture
def loopback(application: StubApplication) -> Iterator[Loopback]:
    """It, on this machine."""
    with Loopback(application, troubles=Troubles()) as loopback:
        yield loopback


@pytest.fixture
def connection(loopback: Loopback) -> Iterator[http.client.HTTPConnection]:
    """A connection of a child, with a time-out of three seconds."""
    connection = http.client.HTTPConnection("api.abeja.io", timeout=3)
    connection.sock = dial(loopback.address, connection, "https", "api.abeja.io", 443)
    yield connection
    connection.close()


@pytest.fixture
def sock(connection: http.client.HTTPConnection) -> LedSocket:
    """Its socket."""
    sock: object = connection.sock
    assert isinstance(sock, LedSocket)
    return sock


def answer(content: bytes, *, streamed: bool = False, **delivery: Any) -> Callable[[Request], Response]:
    """Return what answers with some content, and says how that is brought."""

    def respond(request: Request) -> Response:
        del request
        response = Response(200, [("Content-Length", str(len(content)))], io.BytesIO(content) if streamed else content)
        if delivery:
            response.delivery = Delivery(Clock(), **delivery)
        return response

    return respond


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: repr(content[:8]))
@pytest.mark.parametrize("streamed", [False, True])
def test_content_is_brought_as_it_is(
    application: StubApplication, connection: http.client.HTTPConnection, content: bytes, *, streamed: bool
) -> None:
    """Whatever it looks like, to its last byte, answer after answer on the same connection."""
    application.on("GET", "/hello", answer(content, streamed=streamed))
    for _ in range(2):
        connection.request("GET", "/hello")
        assert connection.getresponse().read() == content


@pytest.mark.parametrize("content", CONTENTS[:-1], ids=repr)
def test_content_comes_between_seconds(
    application: StubApplication, connection: http.client.HTTPConnection, content: bytes
) -> None:
    """Slowly, and after a while."""
    application.on("GET", "/hello", answer(content * 3, wait=0.001, pace=10_000.0))
    connection.request("GET", "/hello")
    assert connection.getresponse().read() == content * 3


def test_no_byte_is_taken_before_it_is_wanted(application: StubApplication, sock: LedSocket) -> None:
    """What has not been read can be seen by `select`, and there is nothing once all was read."""
    application.on("GET", "/hello", answer(b"hello"))
    sock.sendall(GET)
    received = b""
    while len(received) < len(HEAD % 5) + 5:
        assert select.select([sock], [], [], 3)[0]
        buffer = bytearray(3)
        received += bytes(buffer[: sock.recv_into(buffer)])
    assert received == HEAD % 5 + b"hello"
    assert not select.select([sock], [], [], 0)[0]
    assert sock.recv(0) == b""


def test_to_look_takes_nothing(application: StubApplication, sock: LedSocket) -> None:
    """With `MSG_PEEK`, as often as one likes."""
    application.on("GET", "/hello", answer(b"hello"))
    sock.sendall(GET)
    assert sock.recv(4, socket.MSG_PEEK) == sock.recv(4, socket.MSG_PEEK) == b"HTTP"
    assert sock.recv(8) == b"HTTP/1.1"


@pytest.mark.parametrize("buffering", [None, 0, 16])
def test_a_file_of_it_reads_and_writes(application: StubApplication, sock: LedSocket, buffering: int | None) -> None:
    """Both ways in one, and each alone."""
    application.on("GET", "/hello", answer(b"hello", wait=0.001))
    with sock:
        both = sock.makefile("rwb", buffering)
        both.write(GET)
        both.flush()
        assert both.readline() == b"HTTP/1.1 200 OK\r\n"
        both.close()
    assert sock.fileno() == -1


def test_a_client_that_does_not_wait_fails_with_its_own_time_out(application: StubApplication, sock: LedSocket) -> None:
    """The emulator knows it before the client goes on, and the connection has ended."""
    given_up: list[int] = []
    application.on("GET", "/hello", answer(b"hello", wait=60.0, given_up=lambda: given_up.append(1)))
    sock.sendall(GET)
    with pytest.raises(socket.timeout, match="timed out"):
        sock.recv(1000)
    assert given_up == [1]
    assert sock.recv(1000) == b""


def test_a_client_without_a_time_out_is_told_that_it_would_hang(application: StubApplication, sock: LedSocket) -> None:
    """At once."""
    application.on("GET", "/hello", answer(b"hello", stop_at=0, ending="silence"))
    sock.settimeout(None)
    sock.sendall(GET)
    assert sock.recv(1000).startswith(b"HTTP/1.1 200")
    with pytest.raises(NeverAnswered, match=r"the answer of api\.abeja\.io stalled on purpose"):
        sock.recv(1000)


def test_a_client_that_sends_on_is_answered_in_turn(application: StubApplication, sock: LedSocket) -> None:
    """Its next request may come while it has not let the time of the first answer pass."""
    application.on("GET", "/hello", answer(b"hello", wait=0.001))
    sock.sendall(GET)
    sock.sendall(GET)
    received = b""
    while received.count(b"hello") < 2:
        received += sock.recv(1000)
    assert received == (HEAD % 5 + b"hello") * 2


def test_the_time_out_of_all_sockets_counts(loopback: Loopback) -> None:
    """Where the client has said none of its own."""
    connection = http.client.HTTPConnection("api.abeja.io")
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(7)
    try:
        with dial(loopback.address, connection, "https", "api.abeja.io", 443) as sock:
            assert sock.gettimeout() == 7
    finally:
        socket.setdefaulttimeout(before)


def test_a_client_that_is_not_led_and_goes_away_is_not_waited_for(application: StubApplication) -> None:
    """Nor does the end of the emulator wait; the answer is told that nobody got it."""
    given_up, asked = threading.Event(), threading.Event()
    respond = answer(b"hello", wait=1000.0, given_up=given_up.set)

    def noted(request: Request) -> Response:
        asked.set()
        return respond(request)

    application.on("GET", "/hello", noted)
    with Loopback(application) as loopback:
        with socket.create_connection(loopback.address, timeout=5) as sock:
            sock.sendall(GET)
        assert given_up.wait(10)
        asked.clear()
        with socket.create_connection(loopback.address, timeout=5) as sock:
            sock.sendall(GET)
            assert asked.wait(10)
            loopback.stop()
            assert sock.recv(1000) == b""
    assert not [each for each in threading.enumerate() if each.name == "abeja-emulator-connection"]


def test_a_late_answer_to_head_leaves_the_connection(application: StubApplication) -> None:
    """It has no body, however long it says that it is."""
    application.on("HEAD", "/hello", answer(b"hello", wait=0.001))
    with Loopback(application) as loopback:
        connection = http.client.HTTPConnection(*loopback.address, timeout=5)
        for _ in range(2):
            connection.request("HEAD", "/hello")
            response = connection.getresponse()
            assert (response.status, response.read(), response.will_close) == (200, b"", False)
            sock = connection.sock
        assert connection.sock is sock
        connection.close()
