"""A small application to answer the transports, and a check that they leave nothing behind."""

from __future__ import annotations

import gc
import http.client
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import pytest
import requests.utils
import urllib3.connection

from abeja_emulator.transports.child.abeja_emulator_child import Finder
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.transports.loopback import Loopback
from tests.transports.stub_application import StubApplication, echo

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def application() -> StubApplication:
    """An application that answers `/hello` and `/echo`."""
    application = StubApplication()
    application.on("GET", "/hello", b"hello")
    application.on("POST", "/echo", echo)
    application.on("PUT", "/echo", echo)
    return application


@pytest.fixture
def in_process(application: StubApplication) -> Iterator[InProcess]:
    """That application, reached in this process."""
    with InProcess(application) as transport:
        yield transport


@pytest.fixture
def loopback(application: StubApplication) -> Iterator[Loopback]:
    """That application on 127.0.0.1."""
    with Loopback(application) as transport:
        yield transport


def hooks() -> list[object]:
    """Return everything that a transport may replace, as it is now."""
    return [
        http.client.HTTPConnection.connect,
        http.client.HTTPSConnection.connect,
        urllib3.connection.HTTPConnection.connect,
        urllib3.connection.HTTPSConnection.connect,
        socket.getaddrinfo,
        socket.gethostbyname,
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.socket.sendto,
        requests.utils.getproxies,  # type: ignore[attr-defined]
        requests.utils.proxy_bypass,  # type: ignore[attr-defined]
        [type(finder) for finder in sys.meta_path if isinstance(finder, Finder)],
    ]


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    before = hooks()
    threads = set(threading.enumerate())
    yield
    assert hooks() == before
    late = [thread for thread in threading.enumerate() if thread not in threads]
    assert [thread.name for thread in late if "abeja" in thread.name] == []


@pytest.fixture
def descriptors() -> Callable[[], int]:
    """Count the descriptors this process has open."""

    def count() -> int:
        gc.collect()
        for folder in (Path("/proc/self/fd"), Path("/dev/fd")):
            if folder.is_dir():
                return len(list(folder.iterdir()))
        pytest.skip("this system does not list descriptors")

    return count
