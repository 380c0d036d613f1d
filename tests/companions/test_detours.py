"""Connections of one thread that are led to answers in memory, and those of others that are not."""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from abeja_emulator.companions.detours import Detours, is_answered
from abeja_emulator.transports.errors import AddressTaken, UnknownHostError
from abeja_emulator.wire.messages import Request, Response

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform

URL = "https://weights.example/model"


class Said:
    """An attempt that is answered with a text, or fails to connect."""

    def __init__(self, text: bytes = b"", trouble: str | None = None) -> None:
        self.text = text
        self.trouble = trouble

    def answer(self, request: Request) -> Response:
        """Answer with the text and what was asked."""
        body = b" ".join([self.text, request.method.encode(), request.target.encode(), request.read()])
        return Response(200, [("Content-Length", str(len(body))), ("Connection", "close")], body)


@pytest.fixture
def detours(abeja: Platform) -> Detours:
    """Some, beside a platform that is in reach."""
    return Detours(abeja.spool)


def fetch(url: str = URL) -> bytes:
    """Fetch a URL with urllib3, once."""
    with urllib3.PoolManager(retries=False) as pool:
        return bytes(pool.request("GET", url).data)


def test_each_connection_is_an_attempt(detours: Detours, abeja_refused: Any) -> None:
    """Whatever client makes it; afterwards nobody answers there."""
    attempts = iter([Said(b"one"), Said(b"two"), Said(trouble="dns"), Said(trouble="refused")])
    with detours.taken(URL, lambda: next(attempts)):
        assert is_answered(URL)
        assert fetch() == b"one GET /model "
        with urllib.request.urlopen(urllib.request.Request(URL, data=b"body", method="POST"), timeout=5) as answer:
            assert answer.read() == b"two POST /model body"
        with pytest.raises(urllib3.exceptions.NewConnectionError):
            fetch()
        with pytest.raises(urllib.error.URLError, match="Connection refused"):
            urllib.request.urlopen(URL, timeout=5)
    assert not is_answered(URL)
    with pytest.raises(UnknownHostError):
        fetch()
    assert len(abeja_refused) == 1


def test_another_thread_is_refused_as_ever(detours: Detours, abeja_refused: Any) -> None:
    """Only the thread whose call goes wrong is led there; one with a detour of its own has that."""
    seen: list[Any] = []

    def without() -> None:
        try:
            fetch()
        except UnknownHostError as error:
            seen.append(error)

    def with_its_own() -> None:
        with detours.taken(URL, lambda: Said(b"own")):
            seen.append(fetch())

    with detours.taken(URL, lambda: Said(b"mine")):
        for target in (without, with_its_own):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
        assert fetch() == b"mine GET /model "
    refused, own = seen
    assert isinstance(refused, UnknownHostError)
    assert own == b"own GET /model "
    assert [call.host for call in abeja_refused] == ["weights.example"]


def test_it_can_be_left_for_an_answer(detours: Detours, abeja_refused: Any) -> None:
    """What an answer calls itself goes where it would go without."""
    with detours.taken(URL, lambda: Said(b"mine")):
        with detours.left(), pytest.raises(UnknownHostError):
            fetch()
        assert fetch() == b"mine GET /model "
    with detours.left():
        assert not is_answered(URL)
    assert len(abeja_refused) == 1


def test_a_host_of_the_platform_has_its_answers(detours: Detours) -> None:
    """Nobody can take its place."""
    with pytest.raises(AddressTaken), detours.taken("https://api.abeja.io/x", Said):
        pass
    assert is_answered("https://api.abeja.io/x")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are made by fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_on_its_own(detours: Detours) -> None:
    """It has no part in a call that was under way, and its connection is reset."""
    with urllib3.PoolManager(retries=False) as pool, detours.taken(URL, lambda: Said(b"mine")):
        connection: Any = pool.connection_from_url(URL)._new_conn()
        connection.connect()
        child = os.fork()
        if not child:
            try:
                connection.sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            except ConnectionResetError:
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        connection.close()
