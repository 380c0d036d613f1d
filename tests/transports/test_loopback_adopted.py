"""The loopback transport on a socket that listens already, as in a network that only a child is in."""

from __future__ import annotations

import socket
import sys
import threading
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from abeja_emulator.transports.loopback import Loopback
from tests.transports.stub_application import StubApplication

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has networks for one child")


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """One that listens."""
    application = StubApplication()
    application.on("GET", "/", b"answer")
    with Loopback(application) as loopback:
        yield loopback


def listening() -> tuple[int, str]:
    """Return the descriptor of a socket that listens, and its URL."""
    sock = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{sock.getsockname()[1]}/"
    return sock.detach(), url


def accepting() -> int:
    """Return how many threads wait for connections."""
    return [thread.name for thread in threading.enumerate()].count("abeja-emulator-loopback")


def test_it_answers_there_too_until_it_is_told_to_stop(loopback: Loopback) -> None:
    """On its own address as well, and there still afterwards; nothing of it is left."""
    descriptor, url = listening()
    stop = loopback.adopt(descriptor)
    for each in (url, loopback.url + "/"):
        with urlopen(each) as answer:
            assert answer.read() == b"answer"
    assert accepting() == 2
    stop()
    stop()
    assert accepting() == 1
    with pytest.raises(OSError, match="refused"):
        urlopen(url)
    with urlopen(loopback.url + "/") as answer:
        assert answer.read() == b"answer"


def test_what_nobody_has_stopped_ends_with_it(loopback: Loopback) -> None:
    """Also when two were adopted, and one of them was never called."""
    (one, url), (two, _) = listening(), listening()
    loopback.adopt(one)
    loopback.adopt(two)
    with urlopen(url) as answer:
        assert answer.read() == b"answer"
    loopback.stop()
    assert accepting() == 0
    with pytest.raises(OSError, match="refused"):
        urlopen(url)
