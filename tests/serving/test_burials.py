"""The end of instances: nobody's answer is lost, and nobody waits for ever."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Callable

import pytest

from abeja_emulator.clock import Clock
from abeja_emulator.serving.answers import Identity
from abeja_emulator.serving.burials import Burials
from abeja_emulator.serving.hosted_model import HostedModel
from abeja_emulator.serving.messages import ModelAnswer, ModelGone
from abeja_emulator.serving.proxy import Proxy
from abeja_emulator.wire.messages import Request
from tests.serving.served import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.serving.messages import ModelRequest


class Process:
    """A process that answers when it is let to, and none that is dead does.

    Attributes:
        asked: set once it is.
        go: lets it answer.
        closed: set once it is ended.
        killed: whether it was killed.
    """

    def __init__(self, on_end: Callable[[], object]) -> None:
        self.asked, self.go, self.closed = threading.Event(), threading.Event(), threading.Event()
        self.killed = False
        self.code: int | None = None
        self._on_end = on_end

    def ask(self, _request: ModelRequest, _timeout: float) -> ModelAnswer:
        """Answer."""
        self.asked.set()
        assert self.go.wait(PATIENCE)
        if self.closed.is_set():
            message = "it has ended"
            raise ModelGone(message)
        return ModelAnswer(body=b"answer")

    def kill(self) -> None:
        """Die."""
        self.killed = True

    def close(self) -> None:
        """End."""
        self.closed.set()
        self.go.set()
        self.code = 0
        self._on_end()

    def has_ended(self, timeout: float = 0) -> bool:
        """Tell whether it has ended."""
        return self.closed.wait(timeout)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def burials(clock: Clock) -> Burials:
    return Burials(clock)


@pytest.fixture
def proxy(platform: Platform) -> Proxy:
    return Proxy(Identity(), platform.spool, on_gone=lambda *_: None)


@pytest.fixture
def make(clock: Clock) -> Callable[[], tuple[HostedModel, Process]]:
    def make() -> tuple[HostedModel, Process]:
        made: list[Process] = []

        def start(on_end: Callable[[], object]) -> Process:
            made.append(Process(on_end))
            return made[0]

        model = HostedModel(start, clock, lambda: None)  # type: ignore[arg-type]
        return model, made[0]

    return make


Make = Callable[[], tuple[HostedModel, Process]]


def ask(proxy: Proxy) -> int:
    return proxy.handle(Request("POST", "/", headers=[("Content-Type", "text/plain")], body=b"")).status


def test_an_instance_that_is_exchanged_answers_first_and_ends_then(
    burials: Burials, proxy: Proxy, make: Make, tmp_path: Path
) -> None:
    (old, process), (new, other) = make(), make()
    folder = tmp_path / "folder"
    folder.mkdir()
    proxy.exchange([old])
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ask, proxy)
        assert process.asked.wait(PATIENCE)
        burials.exchange(proxy, [new], [old], folder)
        assert proxy.instances == (new,)
        other.go.set()
        assert ask(proxy) == 200, "the new one answers at once"
        assert not process.closed.is_set()
        assert folder.exists()
        process.go.set()
        assert first.result(PATIENCE) == 200
        burials.join()
    assert process.closed.is_set()
    assert not process.killed
    assert not folder.exists()


def test_an_exchange_is_over_when_the_new_ones_are_asked(
    burials: Burials, proxy: Proxy, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not before: however long the proxy takes to switch, who exchanges waits for it."""
    (old, process), (new, _) = make(), make()
    proxy.exchange([old])
    exchange, begun, go = proxy._instances.exchange, threading.Event(), threading.Event()

    def slow(models: object) -> object:
        begun.set()
        assert go.wait(PATIENCE)
        return exchange(models)  # type: ignore[arg-type]

    monkeypatch.setattr(proxy._instances, "exchange", slow)
    with ThreadPoolExecutor() as pool:
        over = pool.submit(burials.exchange, proxy, [new], [old])
        assert begun.wait(PATIENCE)
        assert not over.done()
        go.set()
        over.result(PATIENCE)
        assert proxy.instances == (new,)
    process.go.set()
    burials.join()


def test_an_exchange_that_fails_keeps_nobody_waiting(
    burials: Burials, proxy: Proxy, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is over, and the old ones are ended."""
    (old, process), (new, _) = make(), make()
    proxy.exchange([old])

    def refuse(_: object) -> object:
        raise RuntimeError

    monkeypatch.setattr(proxy._instances, "exchange", refuse)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    old.close()
    burials.exchange(proxy, [new], [old])
    burials.join()
    assert process.closed.is_set()


def test_one_that_does_not_answer_ends_after_28_seconds_of_the_clock(
    burials: Burials, proxy: Proxy, make: Make, clock: Clock
) -> None:
    (old, process), (new, _) = make(), make()
    proxy.exchange([old])
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ask, proxy)
        assert process.asked.wait(PATIENCE)
        burials.exchange(proxy, [new], [old])
        clock.advance(27)
        assert not process.closed.is_set()
        while not process.has_ended(0.01):
            clock.advance(1)
        assert first.result(PATIENCE) == 500
        burials.join()


@pytest.mark.parametrize("when", ["before", "after"])
def test_in_a_hurry_it_is_killed_at_once(burials: Burials, proxy: Proxy, make: Make, when: str) -> None:
    (old, process), (new, _) = make(), make()
    proxy.exchange([old])
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ask, proxy)
        assert process.asked.wait(PATIENCE)
        if when == "before":
            burials.hurry()
        burials.exchange(proxy, [new], [old])
        burials.hurry()
        burials.join()
        assert first.result(PATIENCE) == 500
    assert process.killed


def test_a_proxy_that_is_buried_answers_what_it_has_and_takes_no_more(
    burials: Burials, proxy: Proxy, make: Make
) -> None:
    model, process = make()
    proxy.exchange([model])
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ask, proxy)
        assert process.asked.wait(PATIENCE)
        burials.bury([model], proxy=proxy)
        assert ask(proxy) == 404
        assert not process.closed.is_set()
        process.go.set()
        assert first.result(PATIENCE) == 200
        burials.join()
    assert process.closed.is_set()


def test_one_that_nobody_asks_ends_at_once(burials: Burials, make: Make) -> None:
    model, process = make()
    burials.bury([model])
    burials.join()
    assert process.closed.is_set()
    assert not process.killed
