"""Real clients of this process, and nothing between them and the application but a connection."""

from __future__ import annotations

import gzip
import http.client
import io
import logging
import os
import socket
import subprocess
import sys
import textwrap
import threading
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3._version import __version__ as urllib3_version
from urllib3.util.retry import Retry

import abeja_emulator
from abeja_emulator.transports.errors import AddressTaken, UnknownHostError
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.transports.memory_response import MemoryResponse
from abeja_emulator.transports.memory_socket import MemorySocket
from abeja_emulator.wire.messages import Request, Response
from tests.transports.stub_application import ORIGIN, StubApplication, response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class BytesOnly(http.client.HTTPResponse):
    """A response class of a client's own, which takes no short way."""


@pytest.fixture(params=["short way", "long way"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways from a response to the client; none of them may be told from the other."""
    if request.param == "long way":
        for owner in (http.client.HTTPConnection, urllib3.connection.HTTPConnection):
            monkeypatch.setattr(owner, "response_class", BytesOnly)
    return str(request.param)


def test_requests_reaches_the_application(in_process: InProcess, application: StubApplication) -> None:
    """Over https, without a warning about the certificate (the tests turn warnings into errors)."""
    answer = requests.get(f"{ORIGIN}/hello?a=%2F", headers={"label_id": "1"}, timeout=5)

    assert (answer.status_code, answer.reason, answer.content) == (200, "OK", b"hello")
    assert (application.last.scheme, application.last.host) == ("https", "api.abeja.io")
    assert application.last.target == "/hello?a=%2F"
    assert ("label_id", "1") in application.last.headers


@pytest.mark.parametrize(
    ("url", "scheme", "host"),
    [
        ("http://api.abeja.io/hello", "http", "api.abeja.io"),
        ("https://api.abeja.io:8443/hello", "https", "api.abeja.io:8443"),
        ("https://org-1.api.abeja.io/hello", "https", "org-1.api.abeja.io"),
        ("http://a.b.api.abeja.io/hello", "http", "a.b.api.abeja.io"),
        ("https://API.Abeja.IO/hello", "https", "api.abeja.io"),
        ("https://api.abeja.io:443/hello", "https", "api.abeja.io"),
    ],
)
def test_the_application_sees_scheme_and_host(
    in_process: InProcess, application: StubApplication, url: str, scheme: str, host: str
) -> None:
    """As the client addressed it, subdomains and ports included."""
    fetchers: list[Any] = [
        lambda: requests.get(url, timeout=5).content,
        lambda: urllib3.PoolManager().request("GET", url).data,
        lambda: urllib.request.urlopen(url, timeout=5).read(),
    ]
    for fetch in fetchers:
        assert fetch() == b"hello"
        assert (application.last.scheme, application.last.host) == (scheme, host)


def test_urllib_downloads_a_file(in_process: InProcess, application: StubApplication, tmp_path: Path) -> None:
    """`urlretrieve` is what `abeja` users' code does with a download URI."""
    application.on("GET", "/file", response(b"x" * 300_000))
    _, headers = urllib.request.urlretrieve(f"{ORIGIN}/file", tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == b"x" * 300_000
    assert headers["Content-Length"] == "300000"


def test_urllib_raises_what_it_always_raises(in_process: InProcess) -> None:
    """The error is readable like a response."""
    with pytest.raises(urllib.error.HTTPError) as failed:
        urllib.request.urlopen(f"{ORIGIN}/nothing", timeout=5)

    with failed.value as error:
        assert (error.code, error.read()) == (404, b'{"error": "not_found"}')


@pytest.mark.usefixtures("way")
def test_a_plain_connection_is_kept_alive(in_process: InProcess, application: StubApplication) -> None:
    """`http.client` sends request after request through one socket."""
    connection = http.client.HTTPSConnection("api.abeja.io", timeout=3)
    connection.request("GET", "/hello")
    sock = connection.sock
    with connection.getresponse() as answer:
        assert (answer.status, answer.reason, answer.version, answer.read()) == (200, "OK", 11, b"hello")
    connection.request("POST", "/echo", body=b"abc")
    with connection.getresponse() as answer:
        assert answer.read() == b"abc"

    assert connection.sock is sock
    assert isinstance(sock, MemorySocket)
    connection.close()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"bytes", {}),
        ("text", {}),
        (bytearray(b"array"), {}),
        (io.BytesIO(b"a file"), {}),
        ([b"pie", b"ces"], {}),
        (iter([b"a", b"", b"generator"]), {}),
        (b"x" * 1_000_000, {}),
        (io.BytesIO(b"y" * 1_000_000), {}),
        (b"expected", {"Expect": "100-continue"}),
    ],
)
@pytest.mark.parametrize("client", ["http.client", "requests", "urllib3"])
def test_every_kind_of_body_arrives(in_process: InProcess, body: Any, headers: dict[str, str], client: str) -> None:
    """With a length or chunked, as the client decides."""
    if hasattr(body, "seek"):
        body.seek(0)
        expected = body.read()
        body.seek(0)
    elif isinstance(body, list):
        expected = b"".join(body)
    elif hasattr(body, "__next__"):
        body = iter([b"a", b"", b"generator"])
        expected = b"agenerator"
    else:
        expected = body.encode() if isinstance(body, str) else bytes(body)

    if client == "http.client":
        connection = http.client.HTTPSConnection("api.abeja.io")
        connection.request("POST", "/echo", body=body, headers=headers)
        answer = connection.getresponse().read()
        connection.close()
    elif client == "requests":
        answer = requests.post(
            f"{ORIGIN}/echo", data=iter(body) if isinstance(body, list) else body, headers=headers, timeout=5
        ).content
    else:
        if urllib3_version.startswith("1.") and isinstance(body, list):
            body = iter(body)
        answer = urllib3.PoolManager().request("POST", f"{ORIGIN}/echo", body=body, headers=headers).data

    assert answer == expected


def test_a_form_with_files_arrives(in_process: InProcess, application: StubApplication) -> None:
    """The multipart body is the client's own."""
    requests.post(f"{ORIGIN}/echo", files={"file": ("a.bin", io.BytesIO(b"\0" * 200_000))}, timeout=5)

    assert b'filename="a.bin"' in application.bodies[-1]
    assert application.last.length == len(application.bodies[-1]) > 200_000


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("DELETE", 204), ("HEAD", 404)]
)
def test_some_responses_have_no_body(
    in_process: InProcess, application: StubApplication, method: str, status: int
) -> None:
    """Whatever the application put there; the connection is fit for the next request."""
    stream = io.BytesIO(b"hidden")
    application.on(method, "/bare", Response(status, [("Content-Length", "6")], stream))
    with requests.Session() as session:
        answer = session.request(method, f"{ORIGIN}/bare", timeout=5)
        assert (answer.status_code, answer.content) == (status, b"")
        assert session.get(f"{ORIGIN}/hello", timeout=5).content == b"hello"

    assert stream.closed


@pytest.mark.usefixtures("way")
def test_headers_come_as_they_were_given(in_process: InProcess, application: StubApplication) -> None:
    """Duplicates, order and spelling included."""
    given = [
        ("Set-Cookie", "a=1; Path=/"),
        ("Set-Cookie", "b=2; Path=/"),
        ("x-UPPER", "v, w"),
        ("X-Empty", ""),
    ]
    application.on("GET", "/cookies", response(b"", headers=given))
    with requests.Session() as session:
        answer = session.get(f"{ORIGIN}/cookies", timeout=5)

    assert dict(session.cookies) == {"a": "1", "b": "2"}
    assert answer.raw.headers.getlist("set-cookie") == ["a=1; Path=/", "b=2; Path=/"]
    assert answer.headers["X-Upper"] == "v, w"
    assert answer.headers["X-Empty"] == ""


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("value", ["caf\xe9", "tab\tinside", 'attachment; filename="x"'])
def test_an_unusual_value_comes_as_a_parser_would_have_it(
    in_process: InProcess, application: StubApplication, value: str
) -> None:
    """What is not plain is parsed for real."""
    application.on("GET", "/value", response(b"", headers=[("X-Value", value)]))

    assert requests.get(f"{ORIGIN}/value", timeout=5).headers["X-Value"] == value


def test_no_attribute_tells_the_short_way_from_a_real_parser(
    in_process: InProcess, application: StubApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each field of the response and of its message is the same."""
    headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X", "y ")]
    application.on("GET", "/x", lambda request: response(b"body", status=int(request.target[-3:]), headers=headers))
    seen = []
    for response_class in (http.client.HTTPResponse, BytesOnly):
        monkeypatch.setattr(http.client.HTTPConnection, "response_class", response_class)
        for method in ("GET", "HEAD"):
            for status in (200, 204, 304, 404, 503, 799):
                application.on(method, "/x", response(b"body", status=status, headers=headers))
                connection = http.client.HTTPSConnection("api.abeja.io")
                connection.request(method, "/x")
                answer = connection.getresponse()
                assert isinstance(answer, MemoryResponse) is (response_class is http.client.HTTPResponse)
                fields = {
                    name: value
                    for name, value in vars(answer).items()
                    if name not in {"fp", "headers", "msg", "_arrival"}
                }
                message: Any = answer.msg
                if answer.length:
                    fields["peek"] = answer.peek(2)[:2]
                fields["message"] = [(name, value) for name, value in vars(message).items() if name != "policy"]
                fields["get"] = (message.get_all("set-cookie"), message.get_content_type(), str(message))
                fields["body"] = (
                    answer.read(1),
                    answer.read1(2),
                    answer.readline(),
                    answer.read(),
                    answer.isclosed(),
                )
                seen.append(fields)
                connection.close()

    half = len(seen) // 2
    assert seen[:half] == seen[half:]


@pytest.mark.usefixtures("way")
def test_a_body_shorter_than_announced_is_an_incomplete_read(
    in_process: InProcess, application: StubApplication
) -> None:
    """The client's own error, from each client."""
    short = Response(200, [("Content-Length", "10")], b"12345")
    application.on("GET", "/short", short)
    connection = http.client.HTTPSConnection("api.abeja.io")
    connection.request("GET", "/short")
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()
    connection.close()
    with pytest.raises(urllib3.exceptions.ProtocolError, match="IncompleteRead"):
        urllib3.PoolManager().request("GET", f"{ORIGIN}/short", retries=False, enforce_content_length=True)
    with pytest.raises(urllib.error.ContentTooShortError):
        urllib.request.urlretrieve(f"{ORIGIN}/short")
    application.on("GET", "/short", Response(200, [("Content-Length", "10")], io.BytesIO(b"12345")))
    with pytest.raises(urllib3.exceptions.ProtocolError, match="IncompleteRead"):
        urllib3.PoolManager().request("GET", f"{ORIGIN}/short", retries=False, enforce_content_length=True)
    urllib.request.urlcleanup()


@pytest.mark.usefixtures("way")
def test_a_download_is_read_as_the_client_asks_for_it(in_process: InProcess, application: StubApplication) -> None:
    """A stream of 50 MB is never read ahead of its client."""

    class Blob(io.RawIOBase):
        taken = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            size = min(len(buffer), 50_000_000 - self.taken)
            buffer[:size] = bytes(size)
            self.taken += size
            return size

    blob: Any = Blob()
    application.on("GET", "/blob", Response(200, [("Content-Length", "50000000")], blob))
    answer = requests.get(f"{ORIGIN}/blob", stream=True, timeout=5)
    chunks = answer.iter_content(10_000)
    assert blob.taken < 600_000
    assert len(next(chunks)) == 10_000
    assert blob.taken < 600_000
    assert sum(map(len, chunks)) == 49_990_000
    assert blob.closed


@pytest.mark.usefixtures("way")
def test_a_download_given_up_closes_what_it_was_read_from(in_process: InProcess, application: StubApplication) -> None:
    """Nobody else would."""
    stream = io.BytesIO(bytes(1_000_000))
    application.on("GET", "/blob", Response(200, [("Content-Length", "1000000")], stream))
    with requests.Session() as session:
        answer = session.get(f"{ORIGIN}/blob", stream=True, timeout=5)
        next(answer.iter_content(10))
        answer.close()

    assert stream.closed


def test_compressed_content_is_the_clients_to_unpack(in_process: InProcess, application: StubApplication) -> None:
    """What was packed passes through untouched."""
    packed = gzip.compress(b"long " * 1000)
    application.on("GET", "/gzip", response(packed, headers=[("Content-Encoding", "gzip")]))
    answer = requests.get(f"{ORIGIN}/gzip", timeout=5)

    assert answer.content == b"long " * 1000
    assert answer.headers["Content-Length"] == str(len(packed))


def test_redirects_are_followed_by_the_client(in_process: InProcess, application: StubApplication) -> None:
    """From one emulated host to another."""
    application.on("GET", "/old", response(status=302, headers=[("Location", "http://org.api.abeja.io/hello")]))
    answer = requests.get(f"{ORIGIN}/old", timeout=5)

    assert answer.content == b"hello"
    assert [each.status_code for each in answer.history] == [302]
    assert application.last.host == "org.api.abeja.io"


def test_retries_are_the_clients_own(in_process: InProcess, application: StubApplication) -> None:
    """Each attempt is a request; the body is sent again."""
    answers = iter([503, 503, 200])
    application.on("PUT", "/flaky", lambda request: response(request.read(), status=next(answers)))
    with requests.Session() as session:
        session.mount("https://", HTTPAdapter(max_retries=Retry(5, backoff_factor=0, status_forcelist=[503])))
        answer = session.put(f"{ORIGIN}/flaky", data=io.BytesIO(b"again"), timeout=5)

    assert answer.content == b"again"
    assert application.bodies == [b"again"] * 3


def test_a_retry_waits_as_long_as_it_is_told(
    in_process: InProcess, application: StubApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retry-After reaches urllib3's own sleep."""
    slept: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", slept.append)
    busy = iter([response(status=429, headers=[("Retry-After", "7")]), response(b"free")])
    application.on("GET", "/busy", lambda _: next(busy))
    with requests.Session() as session:
        session.mount("https://", HTTPAdapter(max_retries=Retry(1, status_forcelist=[429])))
        assert session.get(f"{ORIGIN}/busy", timeout=5).content == b"free"

    assert slept == [7]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (ConnectionResetError(104, "reset"), requests.exceptions.ConnectionError),
        (BrokenPipeError(32, "pipe"), requests.exceptions.ConnectionError),
        (socket.timeout("timed out"), requests.exceptions.ReadTimeout),
    ],
)
def test_a_lost_connection_is_lost_for_the_client(
    in_process: InProcess, application: StubApplication, failure: OSError, expected: type[Exception]
) -> None:
    """An `OSError` of the application is what the client's network does; retries apply to it."""
    outcomes: Iterator[Any] = iter([failure, failure, response(b"at last")])

    def lose(_: Request) -> Response:
        outcome = next(outcomes)
        if isinstance(outcome, OSError):
            raise outcome
        return outcome  # type: ignore[no-any-return]

    application.on("GET", "/lost", lose)
    with requests.Session() as session:
        with pytest.raises(expected):
            session.get(f"{ORIGIN}/lost", timeout=5)
        session.mount("https://", HTTPAdapter(max_retries=Retry(1, backoff_factor=0)))
        assert session.get(f"{ORIGIN}/lost", timeout=5).content == b"at last"


def test_a_defect_of_the_application_reaches_the_test(in_process: InProcess, application: StubApplication) -> None:
    """With its own traceback, instead of a 500 that a client retries."""

    def fail(_: Request) -> Response:
        message = "defect"
        raise LookupError(message)

    application.on("GET", "/defect", fail)
    with pytest.raises(LookupError, match="defect"):
        requests.get(f"{ORIGIN}/defect", timeout=5)


@pytest.mark.usefixtures("way")
def test_a_pool_uses_a_connection_again(in_process: InProcess) -> None:
    """And does not take it for dropped."""
    with urllib3.HTTPSConnectionPool("api.abeja.io", maxsize=1) as pool:
        for _ in range(5):
            assert pool.request("GET", "/hello").data == b"hello"
        assert pool.num_connections == 1
        assert pool.num_requests == 5


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("side", ["client", "server"])
def test_either_side_can_end_a_connection(in_process: InProcess, application: StubApplication, side: str) -> None:
    """`Connection: close` is answered in kind, and the next request gets a new connection."""
    application.on("GET", "/bye", response(b"bye", headers=[("Connection", "close")]))
    path, headers = ("/hello", {"Connection": "close"}) if side == "client" else ("/bye", {})
    connection = http.client.HTTPSConnection("api.abeja.io")
    for _ in range(2):
        connection.request("GET", path, headers=headers)
        assert connection.sock is not None
        answer = connection.getresponse()
        assert connection.sock is None
        assert answer.getheader("Connection") == "close"
        assert answer.read() in {b"hello", b"bye"}


def test_a_connection_of_an_ended_transport_counts_as_dropped(application: StubApplication) -> None:
    """A session that outlives a test reaches the platform of the next one."""
    other = StubApplication()
    other.on("GET", "/hello", b"other")
    with requests.Session() as session:
        for each, expected in ((application, b"hello"), (other, b"other"), (application, b"hello")):
            with InProcess(each):
                assert session.get(f"{ORIGIN}/hello", timeout=5).content == expected
                assert session.get(f"{ORIGIN}/hello", timeout=5).content == expected
    connection = http.client.HTTPSConnection("api.abeja.io")
    with InProcess(application):
        connection.request("GET", "/hello")
        connection.getresponse().read()
    with pytest.raises(ConnectionResetError):
        connection.request("GET", "/hello")
    connection.close()


def test_two_applications_live_side_by_side(application: StubApplication) -> None:
    """Each has its own hosts, and they stop in any order."""
    other = StubApplication()
    other.on("GET", "/hello", b"other")
    first = InProcess(application)
    second = InProcess(other, hosts=["api.dev.abeja.io"])
    first.start()
    second.start()
    assert requests.get(f"{ORIGIN}/hello", timeout=5).content == b"hello"
    assert requests.get("https://org.api.dev.abeja.io/hello", timeout=5).content == b"other"
    first.stop()
    assert requests.get("https://api.dev.abeja.io/hello", timeout=5).content == b"other"
    with pytest.raises(UnknownHostError):
        requests.get(f"{ORIGIN}/hello", timeout=5)
    second.stop()


def test_an_address_is_taken_once(in_process: InProcess, application: StubApplication) -> None:
    """The second one is told which, and nothing of it stays behind."""
    second = InProcess(application, hosts=["api.dev.abeja.io", "api.abeja.io"])
    with pytest.raises(AddressTaken, match=r"^api\.abeja\.io is already answered"):
        second.start()
    second.stop()
    with InProcess(application, hosts=["api.dev.abeja.io"]) as third:
        in_process.add_address("http://localhost:8080")
        with pytest.raises(AddressTaken, match=r"^localhost:8080 is already answered"):
            third.add_address("http://localhost:8080/v1")
        third.add_address("http://localhost:8081/v1")
        third.add_address("http://localhost:8081/v1")


def test_starting_and_stopping_twice_does_no_harm(application: StubApplication) -> None:
    """Neither does stopping what was never started."""
    transport = InProcess(application)
    transport.stop()
    transport.start()
    transport.start()
    transport.stop()
    transport.stop()


def test_a_base_url_is_emulated_too(in_process: InProcess, application: StubApplication) -> None:
    """With its port and its subdomains, without the prefix of its path."""
    in_process.add_address("http://localhost:8080/abeja/")
    in_process.add_address("https://gateway.example.com")

    assert requests.get("http://localhost:8080/abeja/hello", timeout=5).content == b"hello"
    assert (application.last.host, application.last.target) == ("localhost:8080", "/hello")
    assert requests.get("http://org.localhost:8080/abeja/hello", timeout=5).content == b"hello"
    assert requests.get("https://gateway.example.com/hello", timeout=5).content == b"hello"
    with pytest.raises(UnknownHostError):
        requests.get("https://gateway.example.com:8443/hello", timeout=5)
    assert in_process.addresses == ("api.abeja.io", "localhost:8080", "gateway.example.com:443")


def test_no_thread_and_no_descriptor_is_used(
    in_process: InProcess, application: StubApplication, descriptors: Callable[[], int]
) -> None:
    """A session of many requests costs a pipe at most, and gives it back."""
    before = descriptors()
    threads = threading.active_count()
    for _ in range(20):
        requests.get(f"{ORIGIN}/hello", timeout=5)
    assert descriptors() == before
    with requests.Session() as session:
        for _ in range(20):
            session.get(f"{ORIGIN}/hello", timeout=5)
        assert descriptors() <= before + 2
    del session

    assert descriptors() == before
    assert threading.active_count() == threads


def test_five_threads_ask_at_once(in_process: InProcess, application: StubApplication) -> None:
    """As the SDK does when it prefetches."""
    application.on("GET", "/blob", lambda request: response(request.target.encode() * 1000))
    failures: list[str] = []

    def fetch(worker: int) -> None:
        with requests.Session() as session:
            for number in range(40):
                query = f"/blob?{worker}-{number}"
                if session.get(ORIGIN + query, timeout=5).content != query.encode() * 1000:
                    failures.append(query)

    threads = [threading.Thread(target=fetch, args=(worker,)) for worker in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(application.requests) == 200


def test_a_debugging_client_prints_the_head(in_process: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    """What `http.client` prints while it parses, it prints here too."""
    connection = http.client.HTTPSConnection("api.abeja.io")
    connection.set_debuglevel(1)
    connection.request("GET", "/hello")
    connection.getresponse().read()
    connection.close()
    printed = capsys.readouterr().out

    assert "reply: 'HTTP/1.1 200 OK\\r\\n'" in printed
    assert "header: Content-Length: 5" in printed


def test_urllib3_logs_what_it_always_logs(in_process: InProcess, caplog: pytest.LogCaptureFixture) -> None:
    """And no complaint about headers among it."""
    with caplog.at_level(logging.DEBUG, "urllib3"):
        requests.get(f"{ORIGIN}/hello", timeout=5)

    assert [record.levelname for record in caplog.records] == ["DEBUG", "DEBUG"]
    assert '"GET /hello HTTP/1.1" 200' in caplog.text


@pytest.mark.usefixtures("way")
def test_multipart_content_is_left_to_the_client(
    in_process: InProcess, application: StubApplication, caplog: pytest.LogCaptureFixture
) -> None:
    """A head that says multipart confuses the e-mail parser: the same way here as on a network."""
    answer = response(b"--x--", headers=[])
    answer.headers[0] = ("Content-Type", "multipart/form-data; boundary=x")
    application.on("GET", "/multipart", answer)

    assert requests.get(f"{ORIGIN}/multipart", timeout=5).content == b"--x--"
    assert caplog.records == []


def test_a_malformed_request_is_answered_and_ends_the_connection(in_process: InProcess) -> None:
    """As a server would."""
    connection = http.client.HTTPConnection("api.abeja.io")
    connection.connect()
    connection.sock.sendall(b"nonsense\r\n\r\n")
    with connection.sock.makefile("rb") as file:
        assert file.readline() == b"HTTP/1.1 %d %s\r\n" % (400, HTTPStatus(400).phrase.encode())
        assert b"error_description" in file.read()
    connection.close()


def test_what_is_never_answered_times_out_at_once(in_process: InProcess) -> None:
    """Nobody could ever answer half a request, so waiting would only cost time."""
    connection = http.client.HTTPSConnection("api.abeja.io", timeout=60)
    connection.putrequest("POST", "/echo")
    connection.putheader("Content-Length", "10")
    connection.endheaders(b"12345")
    with pytest.raises(socket.timeout):
        connection.getresponse()
    connection.close()


def test_requests_pipelined_on_one_socket_are_answered_in_order(
    in_process: InProcess, application: StubApplication
) -> None:
    """Even through the bare socket."""
    connection = http.client.HTTPConnection("api.abeja.io")
    connection.connect()
    head = b"GET /hello HTTP/1.1\r\nHost: api.abeja.io\r\n\r\n"
    connection.sock.sendall(head * 2 + b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n")
    with connection.sock.makefile("rb") as file:
        text = file.read()
    connection.close()

    assert text.count(b"HTTP/1.1 200 OK") == 2
    assert text.count(b"HTTP/1.1 404 Not Found") == 1
    assert application.last.host == "api.abeja.io"


def test_the_hooks_wait_for_modules_that_are_not_imported_yet(tmp_path: Path) -> None:
    """A urllib3 imported after the start is hooked, and forgotten after the stop."""
    (tmp_path / "stub.py").write_text(
        "from abeja_emulator.wire.messages import Response\n"
        "class Application:\n"
        "    def spool(self): raise AssertionError\n"
        "    def handle(self, request): return Response(200, [('Content-Length', '2')], b'hi')\n",
        encoding="utf-8",
    )
    script = """
        import sys
        from stub import Application
        from abeja_emulator.transports.in_process import InProcess
        assert "urllib3" not in sys.modules
        with InProcess(Application()):
            import urllib3.connection
            assert urllib3.PoolManager().request("GET", "https://api.abeja.io/").data == b"hi"
            assert type(urllib3.connection.__loader__).__name__ == "SourceFileLoader"
            assert urllib3.connection.__spec__.loader is urllib3.connection.__loader__
        assert not hasattr(urllib3.connection.HTTPSConnection.connect, "__wrapped__")
    """
    root = str(Path(abeja_emulator.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), root])}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    subprocess.run(command, check=True, env=environment, timeout=60)
