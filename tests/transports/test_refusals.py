"""A refused call is told to whoever guards this process, from its children too, and names the test."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
import requests

from abeja_emulator.transports.child.abeja_emulator_child import RefusedCall, tell_refusal
from abeja_emulator.transports.children import child_environment
from abeja_emulator.transports.errors import UnknownHostError
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.transports.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transports.stub_application import StubApplication


@pytest.fixture
def refused() -> list[RefusedCall]:
    """What was refused so far."""
    return []


@pytest.fixture
def loopback(application: StubApplication, refused: list[RefusedCall]) -> Iterator[Loopback]:
    """A loopback that children tell of their refusals."""
    with Loopback(application, on_refused=refused.append) as loopback:
        yield loopback


def parts(calls: list[RefusedCall]) -> list[tuple[object, ...]]:
    """Return what the calls say."""
    return [(call.host, call.port, call.method, call.url) for call in calls]


@pytest.mark.parametrize(
    "call",
    [
        RefusedCall("example.com"),
        RefusedCall("2001:db8::1", 443),
        RefusedCall("example.com", 443, "GET", "https://example.com/weights.h5"),
    ],
)
def test_a_call_travels_as_one_line(call: RefusedCall) -> None:
    """And arrives as it was."""
    assert parts([RefusedCall.from_line(call.to_line())]) == parts([call])


def test_a_child_tells_its_parent(loopback: Loopback, refused: list[RefusedCall]) -> None:
    """Even when its program swallows the error, and before it goes on."""
    script = """
        import urllib.request
        try:
            urllib.request.urlopen("https://example.com/weights.h5?token=secret")
        except Exception as error:
            print(type(error).__name__, "test_a_child_tells_its_parent" in str(error))
    """
    environment = {**os.environ, **child_environment(loopback.address, ["api.abeja.io"])}

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout == "UnknownHostError True\n"
    assert parts(refused) == [("example.com", 443, "GET", "https://example.com/weights.h5")]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_tells_its_parent(
    application: StubApplication, loopback: Loopback, refused: list[RefusedCall]
) -> None:
    """What the child notes in its own memory, nobody would ever see."""
    own: list[RefusedCall] = []
    with InProcess(application, on_refused=own.append, loopback=lambda: loopback.address):
        child = os.fork()
        if not child:
            try:
                requests.get("https://example.com/weights.h5", timeout=5)
            finally:
                os._exit(0)
        os.waitpid(child, 0)

    assert own == []
    assert parts(refused) == [("example.com", 443, "GET", "https://example.com/weights.h5")]


def test_nonsense_in_the_place_of_a_refusal_is_no_refusal(loopback: Loopback, refused: list[RefusedCall]) -> None:
    """The loopback goes on, and answers the next child."""

    class Nonsense(RefusedCall):
        def to_line(self) -> str:
            return "not four words at all"

    tell_refusal(loopback.address, Nonsense("example.com"))
    tell_refusal(loopback.address, RefusedCall("example.com", 80))

    assert parts(refused) == [("example.com", 80, None, None)]


def test_a_parent_that_is_gone_is_no_error(application: StubApplication) -> None:
    """The child has an error of its own to raise."""
    with Loopback(application) as loopback:
        address = loopback.address
    tell_refusal(address, RefusedCall("example.com"))


def test_the_sentence_names_the_test(application: StubApplication, request: pytest.FixtureRequest) -> None:
    """Among many tests that share a handler, the one that called."""
    with InProcess(application), pytest.raises(UnknownHostError) as error:
        requests.get("https://example.com/", timeout=5)
    assert f" in {request.node.nodeid}: " in str(error.value)
