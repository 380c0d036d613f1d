"""Stubbed HTTP that fails on purpose: the exceptions, retries and time-outs are those of requests and urllib3."""

from __future__ import annotations

import io
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

responses = pytest.importorskip("responses")

from abeja_emulator.companions.detours import is_answered  # noqa: E402 - below the line that asks for the library
from tests.companions.sdk_calls import contents_of  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob
    from abeja_emulator.transports.virtual_time import VirtualTime

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Boto3 will no longer support")

THEIRS = "https://weights.example/model"
CONTENT = b"0123456789"

#: urllib3 1.26 takes a body that ends too early for a whole one, and requests with it.
NOTICES_CUT = tuple(map(int, __import__("urllib3").__version__.split(".")[:1])) >= (2,)


@pytest.fixture
def stub(abeja_responses: Any) -> Any:
    """A stub that answers GET and POST, and need not be called."""
    abeja_responses.assert_all_requests_are_fired = False
    abeja_responses.get(THEIRS, body=CONTENT)
    return abeja_responses.post(THEIRS, body=CONTENT)


def causes(error: BaseException | None) -> set[str]:
    """Return the names of the types of an exception and of all that are in it."""
    found: list[BaseException] = []
    left: list[Any] = [error]
    while left:
        each = left.pop()
        if isinstance(each, BaseException) and each not in found:
            found.append(each)
            left += [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]
    return {type(each).__name__ for each in found}


@pytest.mark.parametrize(
    ("words", "kind", "cause", "done"),
    [
        ("latency=2", requests.ReadTimeout, "ReadTimeoutError", True),
        ("reset=before", requests.ConnectionError, "ConnectionResetError", False),
        ("reset=during", requests.exceptions.ChunkedEncodingError, "ConnectionResetError", True),
        ("reset=after", requests.ConnectionError, "ConnectionResetError", True),
        ("closed=before", requests.ConnectionError, "RemoteDisconnected", False),
        ("closed=after", requests.ConnectionError, "RemoteDisconnected", True),
        ("stall=3", requests.ConnectionError, "ReadTimeoutError", True),
        ("dns", requests.ConnectionError, "gaierror", False),
        ("tls", requests.exceptions.SSLError, "SSLCertVerificationError", False),
        ("refused", requests.ConnectionError, "ConnectionRefusedError", False),
        ("lost", requests.ConnectionError, "ConnectionResetError", True),
    ],
)
def test_what_a_client_sees(
    abeja: Platform, stub: Any, words: str, kind: type[Exception], cause: str, done: bool
) -> None:
    """The exception of requests, what urllib3 put into it, and whether the third party got the call."""
    fault = abeja.faults.add_line(f"https://weights.example/* {words}")
    with pytest.raises(kind) as caught:
        requests.post(THEIRS, data=b"body", timeout=1)
    assert type(caught.value) is kind
    assert cause in causes(caught.value)
    assert [call.request.body for call in stub.calls] == ([b"body"] if done else [])
    assert requests.post(THEIRS, data=b"body", timeout=1).content == CONTENT
    assert (fault.seen, fault.fired) == (2, 1)
    assert not is_answered(THEIRS)


def test_a_body_that_ends_too_early(abeja: Platform, stub: Any) -> None:
    """urllib3 2 raises; 1.26 does not look, and requests returns what there is."""
    abeja.faults.add_line("http cut=3")
    if NOTICES_CUT:
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match="3 bytes read, 7 more expected"):
            requests.get(THEIRS, timeout=1)
    else:
        assert requests.get(THEIRS, timeout=1).content == CONTENT[:3]
    (hit,) = abeja.faults.fired
    assert (hit.status, hit.done) == (200, 200)


@pytest.mark.parametrize(("words", "status", "done"), [("status=503", 503, False), ("lost=500", 500, True)])
def test_a_status(abeja: Platform, stub: Any, words: str, status: int, done: bool) -> None:
    """It is an answer, with or without the call done; a message and a time to wait are in it."""
    line = f"http {words}" if done else f"http {words} message='out of order' retry_after=7"
    abeja.faults.add_line(line)
    answer = requests.post(THEIRS, timeout=1)
    assert answer.status_code == status
    assert answer.text == ("Internal Server Error" if done else "out of order")
    assert answer.headers.get("Retry-After") == (None if done else "7")
    assert stub.call_count == done


@contextmanager
def server(act: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve one connection on this machine: `act` is called with its socket when a request has come in."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                act(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/model"
        thread.join()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"


def reset(connection: socket.socket) -> None:
    """End a connection with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def stall(connection: socket.socket) -> None:
    """Send the beginning of an answer, and wait until the client has gone."""
    connection.sendall(HEAD + b"012")
    connection.recv(1)


@pytest.mark.parametrize(
    ("words", "act"),
    [
        ("closed=before", lambda _: None),
        ("reset=before", reset),
        ("cut=3", lambda connection: connection.sendall(HEAD + b"012")),
        ("stall=3", stall),
        ("latency=2", lambda connection: connection.recv(1)),
    ],
    ids=["closed", "reset", "cut", "stall", "latency"],
)
def test_as_over_a_real_connection(
    abeja: Platform, stub: Any, abeja_responses: Any, words: str, act: Callable[[socket.socket], None]
) -> None:
    """A server of this machine that does the same lets a client see the same."""

    def seen(url: str) -> tuple[Any, ...]:
        try:
            return (requests.get(url, timeout=0.2).content,)
        except requests.RequestException as error:
            return type(error), causes(error)

    abeja_responses.add_passthru("http://127.0.0.1:")
    with server(act) as url:
        truly = seen(url)
    abeja.faults.add_line(f"https://weights.example/* {words}")
    assert seen(THEIRS) == truly


def session(**options: Any) -> requests.Session:
    """Return a session that tries again."""
    found = requests.Session()
    found.mount("https://", HTTPAdapter(max_retries=Retry(backoff_factor=0, status_forcelist=[500, 503], **options)))
    return found


@pytest.mark.parametrize("words", ["status=503", "reset=before", "dns", "lost", "latency=2"])
def test_retries_of_a_client(abeja: Platform, stub: Any, words: str) -> None:
    """Each attempt is a call: two go wrong, the third is answered."""
    fault = abeja.faults.add_line(f"http {words} calls=1-2")
    assert session(total=2).get(THEIRS, timeout=1).content == CONTENT
    assert (fault.seen, fault.fired) == (3, 2)


def test_too_many_retries(abeja: Platform, stub: Any) -> None:
    """They end as they do for real."""
    fault = abeja.faults.add_line("http status=503 calls=1-")
    with pytest.raises(requests.exceptions.RetryError, match="too many 503 error responses"):
        session(total=2).get(THEIRS, timeout=1)
    assert fault.fired == 3


def test_retries_that_the_library_plays(abeja: Platform, abeja_responses: Any) -> None:
    """A stub's own 503 are tried again, with a fault in between or without, and all of them count."""
    for status in (503, 503, 200):
        abeja_responses.get(THEIRS, status=status)
    fault = abeja.faults.add_line("http reset=before calls=2")
    assert session(total=3).get(THEIRS, timeout=1).status_code == 200
    assert (fault.seen, fault.fired) == (4, 1)


def test_the_retries_that_are_left(abeja: Platform, abeja_responses: Any) -> None:
    """What the library has used up is not there again once something goes wrong."""
    abeja_responses.get(THEIRS, status=503)
    fault = abeja.faults.add_line("http status=500 calls=2-")
    with pytest.raises(requests.exceptions.RetryError, match="too many 500 error responses"):
        session(total=2).get(THEIRS, timeout=1)
    assert (fault.seen, fault.fired) == (3, 2)


def test_back_off_takes_no_time(abeja: Platform, stub: Any, abeja_clock: VirtualTime) -> None:
    """What a server asks to wait is urllib3's own wait, on the virtual clock."""
    abeja.faults.add_line("http status=503 retry_after=60")
    assert session(total=1).get(THEIRS, timeout=1).content == CONTENT
    assert abeja_clock.slept_seconds == 60


def test_a_stream(abeja: Platform, stub: Any) -> None:
    """What is read piece by piece breaks where it is read."""
    abeja.faults.add_line("http reset=during")
    pieces = requests.get(THEIRS, timeout=1, stream=True).iter_content(1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        assert list(pieces)


def test_slow_is_whole(abeja: Platform, stub: Any, abeja_clock: VirtualTime) -> None:
    """A body that drips arrives, ten bytes at five a second; each read has its own time-out."""
    abeja.faults.add_line("http drip=5")
    assert requests.get(THEIRS, timeout=3).content == CONTENT
    assert abeja_clock.slept_seconds == 2


@pytest.mark.parametrize(
    "make",
    [lambda: b"body", lambda: "body", lambda: io.BytesIO(b"body"), lambda: iter([b"bo", b"dy"])],
    ids=["bytes", "text", "file", "iterator"],
)
def test_the_stub_sees_what_was_sent(abeja: Platform, stub: Any, make: Callable[[], Any]) -> None:
    """Whatever it was read from, when the call was done and its answer lost."""
    abeja.faults.add_line("http lost")
    with pytest.raises(requests.ConnectionError):
        requests.post(THEIRS, data=make(), timeout=1)
    (call,) = stub.calls
    assert call.request.body in {b"body", "body"}


def test_no_stub_is_needed_for_a_call_that_is_not_done(abeja: Platform, stub: Any) -> None:
    """And one that is done without a stub is refused by the library, as without a fault."""
    abeja.faults.add_line("https://other.example/* dns")
    abeja.faults.add_line("https://other.example/* lost calls=2")
    with pytest.raises(requests.ConnectionError, match="Max retries exceeded"):
        requests.get("https://other.example/", timeout=1)
    with pytest.raises(requests.ConnectionError, match="Connection refused by Responses"):
        requests.get("https://other.example/", timeout=1)


def test_what_a_stub_raises(abeja: Platform, abeja_responses: Any) -> None:
    """It comes as it is, and no client takes it for trouble with its connection."""
    error = OSError("the stub's own")
    abeja_responses.get(THEIRS, body=error)
    abeja.faults.add_line("http latency=0")
    with pytest.raises(OSError, match="the stub's own") as caught:
        session(total=3).get(THEIRS, timeout=1)
    assert caught.value is error


def test_what_does_not_fire(abeja: Platform, abeja_responses: Any) -> None:
    """A byte that an answer does not have cannot be the last; where there are no certificates, none fails."""
    abeja_responses.head(THEIRS, headers={"Content-Length": "10"}, auto_calculate_content_length=False)
    abeja_responses.get(THEIRS.replace("https", "http"), body=CONTENT)
    for words in ("cut=0", "stall"):
        fault = abeja.faults.add_line(f"http {words}")
        assert requests.head(THEIRS, timeout=1).status_code == 200
        assert (fault.seen, fault.fired) == (1, 0)
        abeja.faults.clear()
    fault = abeja.faults.add_line("http tls", optional=True)
    assert requests.get(THEIRS.replace("https", "http"), timeout=1).content == CONTENT
    assert (fault.seen, fault.unfit, fault.fired) == (0, 1, 0)


def test_the_platform_is_another_world(abeja: Platform, stub: Any, abeja_dataset: Callable[..., str]) -> None:
    """What goes wrong with third parties does not with the platform, though requests calls both."""
    fault = abeja.faults.add_line("http dns calls=1-", optional=True)
    assert contents_of(abeja_dataset([(b"red", "a")])) == [b"red"]
    assert fault.seen == 0


def test_bytes_are_counted(abeja: Platform, stub: Any) -> None:
    """A fault can wait until so much was carried, in both directions, by calls with and without faults."""
    fault = abeja.faults.add_line("http status=500 after_bytes=28")
    latency = abeja.faults.add_line("http latency=0 calls=1")
    statuses = [requests.post(THEIRS, data=b"body", timeout=1).status_code for _ in range(4)]
    assert statuses == [200, 200, 500, 500]
    assert (fault.fired, latency.fired) == (2, 1)


def test_an_adapter_of_ones_own(abeja: Platform, stub: Any) -> None:
    """Its state and its way of making pools are there in a call that goes wrong, and so is its answer."""

    class Adapter(HTTPAdapter):
        def __init__(self) -> None:
            self.pools: list[dict[str, Any]] = []
            super().__init__(pool_maxsize=3)

        def init_poolmanager(self, *args: Any, **options: Any) -> None:
            self.pools.append(options)
            super().init_poolmanager(*args, **options)

        def build_response(self, *args: Any) -> Any:
            answer = super().build_response(*args)
            answer.headers["X-Own"] = str(len(self.pools))
            return answer

    adapter = Adapter()
    manager = adapter.poolmanager
    with requests.Session() as calls:
        calls.mount("https://", adapter)
        abeja.faults.add_line("http status=503")
        assert calls.get(THEIRS, timeout=1).headers["X-Own"] == "2"
    assert adapter.poolmanager is manager


def test_beside_moto(abeja: Platform, abeja_s3: Any, stub: Any) -> None:
    """A call is counted once, though moto hands it on, and moto's own are none of these."""
    fault = abeja.faults.add_line("http reset=before calls=2")
    abeja_s3.create_bucket(Bucket="models")
    assert requests.get(THEIRS, timeout=1).content == CONTENT
    with pytest.raises(requests.ConnectionError):
        requests.get(THEIRS, timeout=1)
    assert (fault.seen, fault.fired) == (2, 1)


def handler(context: Any) -> None:
    """Fetch weights."""
    requests.get(THEIRS, timeout=1).raise_for_status()


@pytest.mark.abeja(faults=["https://weights.example/* status=503"])
def test_a_job_that_gives_up(stub: Any, abeja_train: Callable[..., TrainedJob]) -> None:
    """A handler that does not try again fails, for the reason its log gives."""
    job = abeja_train(handler)
    assert job.status == "Failed"
    assert "503 Server Error: Service Unavailable" in str(job.status_message)
