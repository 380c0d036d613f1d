"""A proxy in the environment changes nothing: what is emulated never reaches it."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3

from abeja_emulator.transports.errors import UnknownHostError
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.transports.loopback import Loopback
from tests.transports.stub_application import StubApplication

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def upstream() -> StubApplication:
    """What the proxy on this machine was asked."""
    application = StubApplication()
    application.on("GET", "/hello", b"from the proxy")
    return application


@pytest.fixture(params=["remote", "local"])
def proxy(request: pytest.FixtureRequest, upstream: StubApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a proxy, on this machine or on another one."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Loopback(upstream) as loopback:
        yield loopback.url if request.param == "local" else "http://proxy.example:3128"


@pytest.fixture(params=[str.lower, str.upper])
def variables(request: pytest.FixtureRequest, proxy: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same proxy in every variable."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(request.param(name), proxy)
    return proxy


def fetchers() -> list[Callable[[str], bytes]]:
    """Clients that read the environment."""
    return [
        lambda url: requests.get(url, timeout=5).content,
        # `urlopen` reads the environment only once in a process.
        lambda url: urllib.request.build_opener().open(url, timeout=5).read(),
    ]


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("fetch", fetchers())
@pytest.mark.parametrize("url", ["https://api.abeja.io/hello", "http://org.api.abeja.io/hello"])
def test_emulated_hosts_never_reach_the_proxy(
    in_process: InProcess,
    application: StubApplication,
    upstream: StubApplication,
    fetch: Callable[[str], bytes],
    url: str,
) -> None:
    """Neither through a tunnel nor by an absolute target."""
    assert fetch(url) == b"hello"
    scheme, _, host, path = url.split("/", 3)
    assert (application.last.scheme, application.last.host) == (scheme[:-1], host)
    assert application.last.target == f"/{path}"
    assert application.last.header("host") == host
    assert upstream.requests == []


@pytest.mark.usefixtures("variables")
def test_a_session_stays_connected_through_the_proxy(in_process: InProcess, application: StubApplication) -> None:
    """The pool to the proxy carries several emulated hosts over one connection."""
    with requests.Session() as session:
        for url in (
            "http://api.abeja.io/hello",
            "http://org.api.abeja.io/hello",
            "https://api.abeja.io/hello",
        ) * 3:
            assert session.get(url, timeout=5).content == b"hello"

    assert [request.host for request in application.requests[:2]] == ["api.abeja.io", "org.api.abeja.io"]


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("fetch", fetchers())
@pytest.mark.parametrize("url", ["https://example.com/x", "http://example.com/x"])
def test_unknown_hosts_are_refused_before_the_proxy(
    in_process: InProcess, upstream: StubApplication, fetch: Callable[[str], bytes], url: str
) -> None:
    """By their own name, not the proxy's."""
    with pytest.raises(UnknownHostError, match=f"refused GET {url} "):
        fetch(url)
    assert upstream.requests == []


@pytest.mark.parametrize("fetch", fetchers())
@pytest.mark.parametrize("proxy", ["local"], indirect=True)
@pytest.mark.usefixtures("variables")
def test_allowed_hosts_are_reached_through_the_proxy(
    application: StubApplication, upstream: StubApplication, fetch: Callable[[str], bytes]
) -> None:
    """The request is replayed to it as it was."""
    with InProcess(application, allow_hosts=["example.com"]):
        assert fetch("http://example.com/hello") == b"from the proxy"
        with pytest.raises(OSError, match="501"):
            fetch("https://example.com/hello")

    assert (upstream.last.scheme, upstream.last.host) == ("http", "example.com")
    assert application.requests == []


def test_a_proxy_given_in_code_changes_nothing_either(
    in_process: InProcess, application: StubApplication, proxy: str, upstream: StubApplication
) -> None:
    """As long as the client says that it is one."""
    for url in ("http://api.abeja.io/hello", "https://api.abeja.io/hello"):
        with urllib3.ProxyManager(proxy) as manager:
            assert manager.request("GET", url).data == b"hello"
        with requests.Session() as session:
            session.proxies = {"http": proxy, "https": proxy}
            assert session.get(url, timeout=5).content == b"hello"
    if "example" in proxy:
        handler: Any = urllib.request.ProxyHandler({"http": proxy, "https": proxy})
        opener = urllib.request.build_opener(handler)
        assert opener.open("http://api.abeja.io/hello", timeout=5).read() == b"hello"
        assert opener.open("https://api.abeja.io/hello", timeout=5).read() == b"hello"
    assert upstream.requests == []


@pytest.mark.parametrize("proxy", ["remote"], indirect=True)
@pytest.mark.usefixtures("variables")
def test_a_tls_proxy_changes_nothing_either(
    in_process: InProcess, application: StubApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody talks TLS to it."""
    for url in ("http://api.abeja.io/hello", "https://api.abeja.io/hello"):
        with urllib3.ProxyManager("https://proxy.example:3128") as manager:
            assert manager.request("GET", url).data == b"hello"
        with urllib3.ProxyManager("https://proxy.example:3128", use_forwarding_for_https=True) as manager:
            assert manager.request("GET", url).data == b"hello"
