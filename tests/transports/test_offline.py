"""Offline, a refused call fails the way it does on a machine without a network, and is noted all the same."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
import requests
import urllib3
from urllib3.exceptions import MaxRetryError, NewConnectionError

from abeja_emulator.transports.children import child_environment
from abeja_emulator.transports.guard import Guard
from abeja_emulator.transports.in_process import InProcess
from tests.transports.stub_application import ORIGIN, StubApplication

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.transports.errors import RefusedCall
    from abeja_emulator.transports.loopback import Loopback


@pytest.fixture
def refused(application: StubApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[RefusedCall]]:
    """What was refused, while the transport behaves as offline."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    calls: list[RefusedCall] = []
    with InProcess(application, on_refused=calls.append, offline=True):
        yield calls


def test_requests_raises_a_connection_error(refused: list[RefusedCall]) -> None:
    """Which a handler may catch, as it would without a network."""
    with pytest.raises(requests.ConnectionError, match="Name or service not known"):
        requests.get("https://example.com/weights.h5", timeout=5)
    assert [call.host for call in refused] == ["example.com"]


def test_urllib3_retries_it(refused: list[RefusedCall]) -> None:
    """As often as the client asked for: each attempt is a call."""
    retry = urllib3.Retry(total=2, backoff_factor=0)
    with urllib3.PoolManager(retries=retry) as pool, pytest.raises(MaxRetryError) as error:
        pool.request("GET", "http://example.com/")
    assert isinstance(error.value.reason, NewConnectionError)
    assert len(refused) == 3


def test_urllib_raises_a_url_error(refused: list[RefusedCall]) -> None:
    """With the look-up's error inside."""
    with pytest.raises(urllib.error.URLError) as error:
        urllib.request.urlopen("https://example.com/", timeout=5)
    assert isinstance(error.value.reason, socket.gaierror)
    assert [call.host for call in refused] == ["example.com"]


def test_a_number_is_unreachable(refused: list[RefusedCall]) -> None:
    """There is nothing to look up."""
    with pytest.raises(OSError, match="Network is unreachable"):
        socket.create_connection(("192.0.2.1", 443), timeout=5)
    assert [(call.host, call.port) for call in refused] == [("192.0.2.1", 443)]


def test_the_platform_is_in_reach(refused: list[RefusedCall]) -> None:
    """And what is allowed or local as well."""
    assert requests.get(f"{ORIGIN}/hello", timeout=5).content == b"hello"
    assert refused == []


def test_the_real_platform_is_not(refused: list[RefusedCall]) -> None:
    """Nothing for abeja.io leaves, in no mode."""
    with pytest.raises(requests.ConnectionError):
        requests.get("https://mesh.abeja.io/", timeout=5)
    assert [call.host for call in refused] == ["mesh.abeja.io"]


def test_a_guard_alone_can_be_offline() -> None:
    """Before a platform is there."""
    with Guard(offline=True), pytest.raises(socket.gaierror):
        socket.getaddrinfo("example.com", 443)


def test_a_child_is_offline_too(loopback: Loopback) -> None:
    """With the same errors."""
    script = """
        import urllib.error, urllib.request
        try:
            urllib.request.urlopen("https://example.com/", timeout=5)
        except urllib.error.URLError as error:
            print(type(error.reason).__name__)
    """
    environment = {**os.environ, **child_environment(loopback.address, ["api.abeja.io"], offline=True)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert done.stdout == "gaierror\n"
