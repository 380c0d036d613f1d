"""The same application on 127.0.0.1, for whoever is not in this process."""

from __future__ import annotations

import http.client
import io
import logging
import socket
import subprocess
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import requests

from abeja_emulator.transports.child.abeja_emulator_child import PREAMBLE
from abeja_emulator.transports.loopback import Loopback
from abeja_emulator.wire.messages import Request, Response
from tests.transports.stub_application import StubApplication, response

if TYPE_CHECKING:
    from collections.abc import Callable


def talk(loopback: Loopback, data: bytes, *, pieces: int = 1) -> bytes:
    """Send bytes and return all that comes back until the other side has enough."""
    with socket.create_connection(loopback.address, 5) as sock:
        size = -(-len(data) // pieces)
        for start in range(0, len(data), size):
            sock.sendall(data[start : start + size])
            if pieces > 1:
                time.sleep(0.01)
        sock.shutdown(socket.SHUT_WR)
        with sock.makefile("rb") as file:
            return file.read()


def test_it_listens_on_this_machine_only(loopback: Loopback) -> None:
    """And says where."""
    host, port = loopback.address

    assert host == "127.0.0.1"
    assert loopback.url == f"http://127.0.0.1:{port}"
    assert requests.get(f"{loopback.url}/hello", timeout=5).content == b"hello"


def test_ipv6_is_a_choice(application: StubApplication) -> None:
    """With brackets in its URL."""
    try:
        loopback = Loopback(application, "::1")
        loopback.start()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with loopback:
        assert loopback.url.startswith("http://[::1]:")
        assert requests.get(f"{loopback.url}/hello", timeout=5).content == b"hello"


def test_a_connection_is_kept_alive(loopback: Loopback, application: StubApplication) -> None:
    """Many requests over one socket, without a pause between head and body."""
    connection = http.client.HTTPConnection(*loopback.address, timeout=5)
    connection.connect()
    sock = connection.sock
    began = time.monotonic()
    for number in range(50):
        connection.request("POST", "/echo", body=b"%d" % number)
        assert connection.getresponse().read() == b"%d" % number
    # Nagle's algorithm and a delayed acknowledgement would cost 40 ms each time.
    assert time.monotonic() - began < 1
    assert connection.sock is sock
    connection.close()
    assert len(application.requests) == 50


def test_large_bodies_stream_in_both_directions(loopback: Loopback, application: StubApplication) -> None:
    """Chunked up, read piece by piece down."""
    application.on(
        "GET", "/blob", lambda _: Response(200, [("Content-Length", "5000000")], io.BytesIO(bytes(5_000_000)))
    )
    answer = requests.post(f"{loopback.url}/echo", data=(bytes(100_000) for _ in range(20)), timeout=5)
    assert len(answer.content) == 2_000_000
    assert max(application.spools[-1].writes) <= 256 * 1024
    assert len(requests.get(f"{loopback.url}/blob", timeout=5).content) == 5_000_000


@pytest.mark.parametrize("pieces", [1, 7])
@pytest.mark.parametrize(
    ("data", "scheme", "host"),
    [
        (b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n", "http", "127.0.0.1:1"),
        (b"GET /hello HTTP/1.1\r\nHost: org.api.abeja.io\r\n\r\n", "https", "org.api.abeja.io"),
        (b"GET http://api.abeja.io/hello HTTP/1.1\r\nHost: x\r\n\r\n", "http", "api.abeja.io"),
        (
            PREAMBLE.encode() + b" http api.abeja.io:80\r\nGET /hello HTTP/1.1\r\nHost: api.abeja.io\r\n\r\n",
            "http",
            "api.abeja.io",
        ),
        (
            PREAMBLE.encode() + b" https api.abeja.io:443\r\nGET /hello HTTP/1.0\r\n\r\n",
            "https",
            "api.abeja.io",
        ),
    ],
)
def test_the_application_sees_scheme_and_host(
    loopback: Loopback, application: StubApplication, data: bytes, scheme: str, host: str, pieces: int
) -> None:
    """From the target, from a hooked child's introduction, or from the Host header."""
    answer = talk(loopback, data, pieces=pieces)

    if data.startswith(PREAMBLE.encode()):
        welcome, _, answer = answer.partition(b"\r\n")
        assert welcome == PREAMBLE.encode() + b" goes"
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nhello")
    assert (application.last.scheme, application.last.host) == (scheme, host)
    assert all("emulator" not in name.lower() for name, _ in application.last.headers)


def test_it_can_be_a_proxy_for_http(loopback: Loopback, application: StubApplication) -> None:
    """How other languages reach the platform's own names."""
    proxies = {"http": loopback.url}
    assert requests.get("http://org.api.abeja.io/hello", proxies=proxies, timeout=5).content == b"hello"
    assert (application.last.scheme, application.last.host) == ("http", "org.api.abeja.io")


def test_a_tunnel_is_refused_with_a_reason(loopback: Loopback) -> None:
    """It would end in TLS, which nobody here speaks."""
    answer = talk(loopback, b"CONNECT api.abeja.io:443 HTTP/1.1\r\nHost: api.abeja.io:443\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 501 Not Implemented\r\n")
    assert b"cannot open a tunnel to api.abeja.io:443" in answer
    assert b"http://" in answer


@pytest.mark.parametrize("data", [b"nonsense\r\n\r\n", b"\x16\x03\x01\x00\xa5\x01\x00\x00\r\n\r\n"])
def test_what_is_no_request_is_answered_and_cut_off(loopback: Loopback, data: bytes) -> None:
    """With a 400 that says why."""
    answer = talk(loopback, data + bytes(1_000_000))

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"error_description" in answer


def test_expectations_are_met_before_the_body_comes(loopback: Loopback) -> None:
    """100 first, the answer after."""
    with socket.create_connection(loopback.address, 5) as sock, sock.makefile("rb") as file:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert file.readline() == b"HTTP/1.1 100 Continue\r\n"
        sock.sendall(b"abc")
        assert file.readline() == b"\r\n"
        assert file.readline() == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("request_head", "closes"),
    [
        (b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", True),
        (b"GET /hello HTTP/1.0\r\n\r\n", True),
        (b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", False),
    ],
)
def test_a_connection_ends_when_the_client_wants_it(loopback: Loopback, request_head: bytes, closes: bool) -> None:
    """And the answer says so."""
    with socket.create_connection(loopback.address, 5) as sock, sock.makefile("rb") as file:
        sock.sendall(request_head)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += file.readline()
        assert file.read(5) == b"hello"
        assert (b"Connection: close" in head) is closes
        if closes:
            assert file.read() == b""


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_some_responses_have_no_body(
    loopback: Loopback, application: StubApplication, method: str, status: int
) -> None:
    """And the connection is fit for the next request."""
    stream = io.BytesIO(b"hidden")
    application.on(method, "/bare", Response(status, [("Content-Length", "6")], stream))
    with requests.Session() as session:
        assert session.request(method, f"{loopback.url}/bare", timeout=5).content == b""
        assert session.get(f"{loopback.url}/hello", timeout=5).content == b"hello"
    assert stream.closed


def test_a_body_shorter_than_announced_ends_the_connection(loopback: Loopback, application: StubApplication) -> None:
    """The client must not wait for the rest."""
    application.on("GET", "/short", Response(200, [("Content-Length", "10")], b"12345"))
    connection = http.client.HTTPConnection(*loopback.address, timeout=5)
    connection.request("GET", "/short")
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()
    connection.close()


def test_a_lost_connection_is_lost(loopback: Loopback, application: StubApplication) -> None:
    """What the application raises is what happens to the socket."""

    def lose(_: Request) -> Response:
        raise ConnectionResetError(104, "reset")

    application.on("GET", "/lost", lose)
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"{loopback.url}/lost", timeout=5)


def test_a_defect_is_a_500_and_in_the_log(
    loopback: Loopback, application: StubApplication, caplog: pytest.LogCaptureFixture
) -> None:
    """No exception can cross a socket."""

    def fail(_: Request) -> Response:
        message = "the defect"
        raise LookupError(message)

    application.on("GET", "/defect", fail)
    with caplog.at_level(logging.ERROR):
        answer = requests.get(f"{loopback.url}/defect?token=secret", timeout=5)

    assert answer.status_code == 500
    assert "LookupError: the defect" in caplog.text
    assert "secret" not in answer.text


def test_base_urls_lose_their_prefix(application: StubApplication) -> None:
    """As in process."""
    with Loopback(application, base_urls=["https://gateway.example.com/abeja"]) as loopback:
        talk(loopback, b"GET /abeja/hello HTTP/1.1\r\nHost: gateway.example.com\r\n\r\n")
        assert application.last.target == "/hello"
        loopback.add_address("http://other.example/x/")
        talk(loopback, b"GET /x/hello HTTP/1.1\r\nHost: other.example\r\n\r\n")
        assert application.last.target == "/hello"


def test_many_clients_are_served_at_once(loopback: Loopback, application: StubApplication) -> None:
    """One that waits keeps nobody else waiting."""
    barrier = threading.Barrier(5, timeout=5)

    def meet(_: Request) -> Response:
        barrier.wait()
        return response(b"met")

    application.on("GET", "/meet", meet)
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: answers.append(requests.get(f"{loopback.url}/meet", timeout=5).content))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [b"met"] * 5


def test_stopping_ends_connections_and_threads(application: StubApplication, descriptors: Callable[[], int]) -> None:
    """At once, with clients still connected, and twice without harm."""
    before = descriptors()
    threads = threading.active_count()
    loopback = Loopback(application)
    loopback.start()
    loopback.start()
    idle = socket.create_connection(loopback.address, 5)
    half = socket.create_connection(loopback.address, 5)
    half.sendall(b"PUT / HTTP/1.1\r\nContent-Length: 100000\r\n\r\nabc")
    with requests.Session() as session:
        session.get(f"{loopback.url}/hello", timeout=5)
        began = time.monotonic()
        loopback.stop()
        loopback.stop()
        assert time.monotonic() - began < 0.5
    assert idle.recv(1) == b""
    idle.close()
    half.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(loopback.address, 5)
    del session, idle, half

    assert application.spools[0].discarded
    assert threading.active_count() == threads
    assert descriptors() == before


def test_a_moment_without_threads_costs_one_connection(
    loopback: Loopback, application: StubApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that came in it; who comes later is answered."""
    start = threading.Thread.start
    refused: list[threading.Thread] = []

    def refuse_once(thread: threading.Thread) -> None:
        if thread.name == "abeja-emulator-connection" and not refused:
            refused.append(thread)
            message = "can't start new thread"
            raise RuntimeError(message)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse_once)
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"{loopback.url}/hello", timeout=5)

    assert refused
    assert requests.get(f"{loopback.url}/hello", timeout=5).content == b"hello"
    assert loopback._threads.keys().isdisjoint(refused)


def test_a_port_that_is_taken_is_an_error_at_once(loopback: Loopback, application: StubApplication) -> None:
    """At the start, not at the first request."""
    with pytest.raises(OSError, match="in use"):
        Loopback(application, port=loopback.address[1]).start()


def test_starting_costs_little(application: StubApplication) -> None:
    """It may be done for every session, needed or not."""
    best = 1.0
    for _ in range(5):
        began = time.perf_counter()
        loopback = Loopback(application)
        loopback.start()
        best = min(best, time.perf_counter() - began)
        loopback.stop()

    assert best < 0.005


def test_the_standard_library_downloads_through_it(loopback: Loopback, tmp_path: Any) -> None:
    """As any other server."""
    urllib.request.urlretrieve(f"{loopback.url}/hello", tmp_path / "hello")
    assert (tmp_path / "hello").read_bytes() == b"hello"


def test_a_program_in_another_language_reaches_it(loopback: Loopback) -> None:
    """curl, if there is one."""
    try:
        run = subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "-X", "POST", "-T", "-", f"{loopback.url}/echo"],
            input=b"x" * 100_000,
            capture_output=True,
            check=True,
            timeout=20,
        )
    except FileNotFoundError:
        pytest.skip("there is no curl")
    assert run.stdout == b"x" * 100_000
