"""A child made by fork has a copy of everything, and must use none of it."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3

from abeja_emulator.transports.errors import EmulatorUnreachable, UnknownHostError
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.transports.loopback import Loopback
from tests.transports.stub_application import ORIGIN, response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.transports.stub_application import StubApplication

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    # Python 3.12 warns about forks of processes with threads, which the loopback's listener is.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


@pytest.fixture
def forked(application: StubApplication, loopback: Loopback) -> Iterator[InProcess]:
    """A transport whose forked children know the way to the loopback."""
    with InProcess(application, loopback=lambda: loopback.address) as transport:
        yield transport


def in_child(work: Callable[[], Any]) -> Any:
    """Return what a function returns, or raises, in a forked child."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def main() -> None:
        try:
            theirs.send((True, work()))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent wants it
            theirs.send((False, error))

    process = context.Process(target=main)
    process.start()
    theirs.close()
    try:
        assert ours.poll(20), "the child said nothing"
        succeeded, result = ours.recv()
    finally:
        ours.close()
        process.join(20)
        process.kill()
        process.join()
    if not succeeded:
        raise result
    return result


@pytest.mark.usefixtures("forked")
def test_clients_made_in_the_child_reach_the_parent(application: StubApplication) -> None:
    """What they write is there for the parent, and the child's copy is never asked."""

    def work() -> tuple[bytes, bytes, list[int]]:
        first = requests.post(f"{ORIGIN}/echo", data=b"from the child", timeout=5).content
        second = urllib3.PoolManager().request("GET", "http://org.api.abeja.io/hello").data
        return first, second, application.processes

    assert in_child(work) == (b"from the child", b"hello", [])
    assert application.bodies == [b"from the child", b""]
    assert application.processes == [os.getpid()] * 2
    assert (application.last.scheme, application.last.host) == ("http", "org.api.abeja.io")


@pytest.mark.usefixtures("forked")
def test_a_session_made_before_the_fork_goes_on_in_the_child(application: StubApplication) -> None:
    """Its pooled connection moves to the loopback, with no retry configured; the parent's stays."""
    with requests.Session() as session:
        session.get(f"{ORIGIN}/hello", timeout=5)
        seen = len(application.processes)

        def work() -> tuple[list[bytes], int]:
            bodies = [session.post(f"{ORIGIN}/echo", data=b"%d" % n, timeout=5).content for n in range(3)]
            return bodies, len(application.processes)

        assert in_child(work) == ([b"0", b"1", b"2"], seen)
        assert in_child(work) == ([b"0", b"1", b"2"], seen + 3)
        assert session.get(f"{ORIGIN}/hello", timeout=5).content == b"hello"

    assert set(application.processes) == {os.getpid()}
    assert len(application.requests) == 8


@pytest.mark.usefixtures("forked")
def test_a_plain_connection_goes_on_in_the_child(application: StubApplication) -> None:
    """`http.client` checks nothing before it sends."""
    connection = http.client.HTTPSConnection("api.abeja.io", timeout=5)
    connection.request("GET", "/hello")
    connection.getresponse().read()

    def work() -> tuple[bytes, str]:
        connection.request("POST", "/echo", body=b"x" * 100_000)
        return connection.getresponse().read(), type(connection.sock).__name__

    assert in_child(work) == (b"x" * 100_000, "socket")
    connection.request("GET", "/hello")
    assert connection.getresponse().read() == b"hello"
    connection.close()


@pytest.mark.usefixtures("forked")
def test_a_response_begun_before_the_fork_can_be_read_in_the_child(application: StubApplication) -> None:
    """It is in memory already."""
    answer = requests.get(f"{ORIGIN}/hello", stream=True, timeout=5)
    assert in_child(lambda: answer.content) == b"hello"
    assert answer.content == b"hello"


@pytest.mark.usefixtures("forked")
def test_half_a_request_does_not_survive_the_fork() -> None:
    """The child cannot know what the parent has sent of it."""
    connection = http.client.HTTPConnection("api.abeja.io")
    connection.putrequest("POST", "/echo")
    connection.putheader("Content-Length", "10")
    connection.endheaders(b"12345")

    def work() -> None:
        connection.send(b"67890")

    with pytest.raises(ConnectionResetError):
        in_child(work)
    connection.send(b"67890")
    assert connection.getresponse().read() == b"1234567890"
    connection.close()


@pytest.mark.usefixtures("forked")
def test_the_sdk_works_before_and_after_the_fork(application: StubApplication) -> None:
    """One client, made by the parent."""
    datasets: Any = pytest.importorskip("abeja.datasets")
    application.on("GET", "/organizations/1/datasets/2", lambda _: response({"dataset_id": "2"}))
    client = datasets.APIClient(credential={"user_id": "1", "personal_access_token": "t"})
    assert client.get_dataset("1", "2") == {"dataset_id": "2"}
    assert in_child(lambda: client.get_dataset("1", "2")) == {"dataset_id": "2"}
    assert application.processes == [os.getpid()] * 2


@pytest.mark.usefixtures("forked")
def test_a_grandchild_reaches_the_parent_too(application: StubApplication) -> None:
    """A fork of a fork is still not the process that has the application."""
    assert in_child(lambda: in_child(lambda: requests.get(f"{ORIGIN}/hello", timeout=5).content)) == b"hello"
    assert application.processes == [os.getpid()]


@pytest.mark.usefixtures("forked")
def test_the_guard_is_on_in_the_child() -> None:
    """And its refusal comes back as what it is."""
    with pytest.raises(UnknownHostError, match=r"refused GET https://example\.com/"):
        in_child(lambda: requests.get("https://example.com/", timeout=5))
    with pytest.raises(UnknownHostError):
        in_child(lambda: socket.create_connection(("93.184.216.34", 80), 1))


@pytest.mark.usefixtures("in_process")
def test_without_a_loopback_the_child_is_told_what_is_missing(application: StubApplication) -> None:
    """Silently asking its own copy would lose what it writes."""
    with pytest.raises(EmulatorUnreachable, match="start a Loopback in the parent"):
        in_child(lambda: requests.get(f"{ORIGIN}/hello", timeout=5))
    assert application.requests == []


def test_a_child_that_outlives_its_parents_loopback_is_told_so(application: StubApplication) -> None:
    """The copy of the listener it inherited does not keep the port open for ever."""
    context = multiprocessing.get_context("fork")
    loopback = Loopback(application)
    loopback.start()
    ours, theirs = context.Pipe()

    def main() -> None:
        with requests.Session() as session:
            session.get(f"{ORIGIN}/hello", timeout=5)
            theirs.send("reached")
            theirs.recv()
        try:
            requests.get(f"{ORIGIN}/hello", timeout=5)
        except EmulatorUnreachable as error:
            theirs.send(str(error))

    with InProcess(application, loopback=lambda: loopback.address):
        process = context.Process(target=main)
        process.start()
        assert ours.poll(20)
        assert ours.recv() == "reached"
        loopback.stop()
        ours.send("gone")
        assert ours.poll(20)
        assert "does not answer any more" in ours.recv()
    process.join(20)
    ours.close()
    theirs.close()


def test_a_transport_started_in_the_child_is_the_childs_own(application: StubApplication) -> None:
    """The child may have a platform of its own, in its own memory."""
    transport = InProcess(application)

    def work() -> tuple[bytes, int]:
        with transport:
            return requests.get(f"{ORIGIN}/hello", timeout=5).content, len(application.processes)

    assert in_child(work) == (b"hello", 1)
    assert application.processes == []


@pytest.mark.usefixtures("forked")
def test_stopping_in_the_child_stops_nothing_in_the_parent(loopback: Loopback) -> None:
    """A child's clean-up is its own."""

    def work() -> int:
        loopback.stop()
        return sys.maxsize

    in_child(work)
    assert requests.get(f"{loopback.url}/hello", timeout=5).content == b"hello"
    assert requests.get(f"{ORIGIN}/hello", timeout=5).content == b"hello"
