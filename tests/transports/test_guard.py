"""Nothing else leaves the machine, and the refusal explains itself."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import pickle
import socket
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from abeja_emulator.transports.child.abeja_emulator_child import Pattern, is_local, split_host
from abeja_emulator.transports.errors import EmulatorUnreachable, RefusedCall, UnknownHostError
from abeja_emulator.transports.guard import Guard
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.transports.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.transports.stub_application import StubApplication


@pytest.fixture
def refused() -> list[RefusedCall]:
    """The calls that were refused."""
    return []


@pytest.fixture
def guarded(application: StubApplication, refused: list[RefusedCall]) -> Iterator[InProcess]:
    """A transport that notes what it refuses."""
    with InProcess(application, on_refused=refused.append) as transport:
        yield transport


@pytest.fixture
def remote(application: StubApplication, loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of another machine, as far as names go."""
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host == "remote.example" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return f"remote.example:{loopback.address[1]}"


@pytest.mark.parametrize(
    ("fetch", "said"),
    [
        (lambda: requests.get("https://example.com/a?secret=1", timeout=5), "GET https://example.com/a"),
        (lambda: requests.post("http://example.com:81/a", timeout=5), "POST http://example.com:81/a"),
        (lambda: urllib3.PoolManager().request("PUT", "https://example.com/"), "PUT https://example.com/"),
        (lambda: urllib.request.urlopen("http://example.com/x", timeout=5), "GET http://example.com/x"),
        (lambda: http.client.HTTPSConnection("example.com").request("GET", "/"), "GET https://example.com/"),
    ],
)
def test_a_call_to_an_unknown_host_is_refused(
    guarded: InProcess, refused: list[RefusedCall], fetch: Callable[[], Any], said: str
) -> None:
    """It names the call, the host, and the option that would allow it."""
    with pytest.raises(UnknownHostError) as error:
        fetch()

    sentence = str(error.value)
    assert sentence.startswith(f"refused {said} (example.com:")
    assert sentence.endswith(
        "If it is needed, allow it: --abeja-allow-host example.com (of the command abeja-emulator: --allow-host)."
    )
    assert "secret" not in sentence
    assert [call.host for call in refused] == ["example.com"]
    assert error.value.call is refused[0]


def test_no_retry_swallows_a_refusal(guarded: InProcess) -> None:
    """It comes at once, where a refused connection would be retried for half a minute."""
    began = time.monotonic()
    with requests.Session() as session:
        session.mount("https://", HTTPAdapter(max_retries=Retry(5, backoff_factor=10)))
        with pytest.raises(UnknownHostError):
            session.get("https://example.com/", timeout=5)

    assert time.monotonic() - began < 1
    assert not issubclass(UnknownHostError, (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError))


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: socket.create_connection(("example.com", 80), 1),
        lambda: socket.create_connection(("93.184.216.34", 80), 1),
        lambda: socket.getaddrinfo("example.com", 80),
        lambda: socket.getaddrinfo(host="example.com", port=None),
        lambda: socket.gethostbyname("example.com"),
        lambda: socket.gethostbyname_ex("example.com"),
        lambda: socket.gethostbyaddr("example.com"),
        lambda: asyncio.run(_open("example.com")),
        lambda: asyncio.run(_open("93.184.216.34")),
        lambda: _with_socket(socket.SOCK_STREAM, lambda sock: sock.connect(("93.184.216.34", 80))),
        lambda: _with_socket(socket.SOCK_STREAM, lambda sock: sock.connect_ex(("93.184.216.34", 80))),
        lambda: _with_socket(socket.SOCK_STREAM, lambda sock: sock.connect(("127.evil.example", 80))),
        lambda: _with_socket(socket.SOCK_DGRAM, lambda sock: sock.sendto(b"x", ("93.184.216.34", 53))),
        lambda: _with_socket(socket.SOCK_DGRAM, lambda sock: sock.sendto(b"x", 0, ("93.184.216.34", 53))),
        lambda: _with_socket(socket.SOCK_DGRAM, lambda sock: sock.sendmsg([b"x"], [], 0, ("93.184.216.34", 53))),
    ],
)
def test_sockets_and_lookups_are_guarded_too(guarded: InProcess, attempt: Callable[[], Any]) -> None:
    """For whatever does not use `http.client`; a number that was looked up is no way around."""
    with pytest.raises(UnknownHostError, match="--abeja-allow-host"):
        attempt()
    socket.getaddrinfo("93.184.216.34", 80)
    with pytest.raises(UnknownHostError, match="--abeja-allow-host"):
        attempt()


def _with_socket(kind: int, use: Callable[[socket.socket], Any]) -> None:
    with socket.socket(socket.AF_INET, kind) as sock:
        use(sock)


async def _open(host: str) -> None:
    await asyncio.open_connection(host, 80)


def test_this_machine_is_always_reachable(guarded: InProcess, loopback: Loopback) -> None:
    """Names, numbers, unix sockets, pairs, and its own name."""
    host, port = loopback.address
    assert requests.get(f"http://127.0.0.1:{port}/hello", timeout=5).content == b"hello"
    assert requests.get(f"http://localhost:{port}/hello", timeout=5).content == b"hello"
    for name in ("localhost", "127.0.0.1", host, "0.0.0.0"):
        socket.create_connection((name, port), 5).close()
    names: list[Any] = [None, "localhost", "127.0.0.1", "::1", b"localhost", socket.gethostname()]
    for name in names:
        with contextlib.suppress(socket.gaierror):
            socket.getaddrinfo(name, 80)
    left, right = socket.socketpair()
    left.close()
    right.close()
    with socket.socket(socket.AF_UNIX) as sock, pytest.raises(FileNotFoundError):
        sock.connect("/nowhere/at/all")


def test_an_emulated_name_is_not_looked_up(guarded: InProcess) -> None:
    """A client with sockets of its own is told of the fixture that has an address for it."""
    with pytest.raises(UnknownHostError, match="opens a socket of its own") as error:
        socket.create_connection(("org.api.abeja.io", 443), 1)

    assert "abeja_server" in str(error.value)


@pytest.mark.parametrize("allowed", ["remote.example", "*.example", "*", "http://remote.example"])
def test_an_allowed_host_is_reached_for_real(application: StubApplication, remote: str, allowed: str) -> None:
    """By whatever client, and by the number its name stands for."""
    if "://" in allowed:
        allowed = f"http://{remote}/"
    host, _, port = remote.partition(":")
    with InProcess(application, allow_hosts=[allowed]):
        assert requests.get(f"http://{remote}/hello", timeout=5).content == b"hello"
        assert urllib.request.urlopen(f"http://{remote}/hello", timeout=5).read() == b"hello"
        socket.create_connection((host, int(port)), 5).close()


def test_the_platform_is_never_reached_for_real(application: StubApplication, refused: list[RefusedCall]) -> None:
    """No option opens the way to it."""
    with InProcess(application, allow_hosts=["*", "*.abeja.io", "mesh.abeja.io"], on_refused=refused.append):
        for url in ("https://mesh.abeja.io/", "https://abeja.io/x"):
            with pytest.raises(UnknownHostError, match="not even when it is allowed"):
                requests.get(url, timeout=5)
        with pytest.raises(UnknownHostError, match="not even when it is allowed"):
            socket.getaddrinfo("console.abeja.io", 443)
    unguarded = InProcess(application, guard=False, on_refused=refused.append)
    with unguarded, pytest.raises(UnknownHostError, match="not even when it is allowed"):
        requests.get("https://mesh.abeja.io/", timeout=5)

    assert len(refused) == 4


def test_without_the_guard_other_hosts_are_nobodys_business(application: StubApplication, remote: str) -> None:
    """Only the platform's are."""
    with InProcess(application, guard=False):
        assert requests.get(f"http://{remote}/hello", timeout=5).content == b"hello"


def test_a_guard_works_without_a_platform(refused: list[RefusedCall]) -> None:
    """Even the platform is refused then."""
    with Guard(on_refused=refused.append) as guard:
        guard.start()
        with pytest.raises(UnknownHostError, match="ABEJA_API_URL"):
            requests.get("https://api.abeja.io/", timeout=5)
        with pytest.raises(UnknownHostError, match="--abeja-allow-host"):
            requests.get("https://example.com/", timeout=5)
    guard.stop()

    assert [call.host for call in refused] == ["api.abeja.io", "example.com"]


def test_what_one_owner_allows_is_allowed(application: StubApplication, remote: str) -> None:
    """Two transports in one process are one process."""
    with Guard(), InProcess(application, allow_hosts=["remote.example"]):
        assert requests.get(f"http://{remote}/hello", timeout=5).content == b"hello"


def test_a_refusal_travels_between_processes(guarded: InProcess) -> None:
    """An error that cannot be unpickled would hang a pool."""
    with pytest.raises(UnknownHostError) as error:
        requests.get("https://example.com/a", timeout=5)
    copy = pickle.loads(pickle.dumps(error.value))

    assert (type(copy), str(copy)) == (UnknownHostError, str(error.value))
    assert str(copy.call) == "GET https://example.com/a (example.com:443)"
    assert isinstance(pickle.loads(pickle.dumps(EmulatorUnreachable("x"))), EmulatorUnreachable)


def test_a_refusal_in_a_thread_is_a_refusal(guarded: InProcess, refused: list[RefusedCall]) -> None:
    """Letting one connection through does not let another thread's through."""
    errors: list[BaseException] = []

    def attempt() -> None:
        try:
            socket.create_connection(("example.com", 80), 1)
        except UnknownHostError as error:
            errors.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()

    assert len(errors) == len(refused) == 1


def test_somebody_elses_patch_on_top_is_left_alone(
    application: StubApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever patches after us and stops later finds a hook that lets everything pass."""
    seen = []
    transport = InProcess(application)
    transport.start()
    ours = http.client.HTTPConnection.connect

    def theirs(self: http.client.HTTPConnection) -> None:
        seen.append(self.host)
        ours(self)

    with monkeypatch.context() as patch:
        patch.setattr(http.client.HTTPConnection, "connect", theirs)
        transport.stop()
        with Loopback(application) as loopback:
            urllib.request.urlopen(f"{loopback.url}/hello", timeout=5).close()
        assert seen == ["127.0.0.1"]
        assert http.client.HTTPConnection.connect is theirs
    http.client.HTTPConnection.connect = ours.__wrapped__  # type: ignore[attr-defined,method-assign]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("API.abeja.io", "api.abeja.io", None),
        ("api.abeja.io.:443", "api.abeja.io", 443),
        ("[::1]:80", "::1", 80),
        ("::1", "::1", None),
        ("[fe80::1]", "fe80::1", None),
        ("user:secret@host:1", "host", 1),
    ],
)
def test_hosts_are_split_from_ports(text: str, host: str, port: int | None) -> None:
    """Numbers with colons included."""
    assert split_host(text) == (host, port)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1.2.3", "::1", "localhost", "a.localhost", "0.0.0.0", "::ffff:127.0.0.1"]
)
def test_some_hosts_are_always_this_machine(host: str) -> None:
    """Whatever a name server says."""
    assert is_local(host)


@pytest.mark.parametrize("host", ["127.evil.com", "1.127.0.0", "localhost.com", "example.com", "8.8.8.8"])
def test_lookalikes_are_not_this_machine(host: str) -> None:
    """A name that begins like one is still a name."""
    assert not is_local(host)


@pytest.mark.parametrize(
    ("pattern", "host", "port", "matches"),
    [
        ("example.com", "example.com", 443, True),
        ("example.com", "www.example.com", 443, False),
        ("*.example.com", "www.example.com", 443, True),
        ("*.example.com", "example.com", 443, False),
        ("example.com:80", "example.com", 443, False),
        ("example.com:80", "example.com", None, True),
        ("https://example.com/x", "example.com", 443, True),
        ("*", "example.com", 1, True),
    ],
)
def test_patterns_say_what_is_allowed(pattern: str, host: str, port: int | None, matches: bool) -> None:
    """By name, by port, by domain."""
    assert Pattern(pattern).matches(host, port) is matches


def test_an_address_of_this_machine_is_this_machine(guarded: InProcess) -> None:
    """Whatever network it belongs to: what is sent there never leaves."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        number = _own_number(guarded, sock)
    with Loopback(guarded.application, number) as loopback:
        assert requests.get(f"{loopback.url}/hello", timeout=5).content == b"hello"


def _own_number(guarded: InProcess, sock: socket.socket) -> str:
    guarded.stop()
    try:
        sock.connect(("192.0.2.1", 9))
    except OSError:
        pytest.skip("this machine has no address but its loopback")
    finally:
        guarded.start()
    return str(sock.getsockname()[0])
