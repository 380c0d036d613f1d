"""Entries start in their order, so many at once, and are forgotten when they have ended."""

from __future__ import annotations

import threading

import pytest

from abeja_emulator.errors import Conflict
from abeja_emulator.serving.run_queue import RunQueue
from tests.serving.run_samples import PATIENCE


def test_nothing_starts_before_it_is_open_or_after_it_is_closed() -> None:
    """What was added meanwhile waits."""
    ran: list[str] = []
    queue = RunQueue(lambda entry: ran.append(entry.run_id), 1)
    queue.add("a", "immediate")
    assert [entry.run_id for entry in queue.waiting()] == ["a"]
    queue.open()
    assert queue.wait("a", PATIENCE)
    queue.close()
    queue.add("b", "immediate")
    assert not queue.wait("b", 0)
    assert ran == ["a"]


def test_twice(queue_of_one: tuple[RunQueue, threading.Event]) -> None:
    """A run that is here already is not queued again."""
    queue, go = queue_of_one
    queue.add("a", "immediate")
    queue.add("a", "immediate")
    queue.add("b", "held")
    queue.add("b", "immediate")
    assert [(entry.run_id, entry.mode) for entry in queue.entries()] == [("a", "immediate"), ("b", "held")]
    go.set()
    assert queue.wait("a", PATIENCE)


def test_held(queue_of_one: tuple[RunQueue, threading.Event]) -> None:
    """One that is held would never end; let go, it waits for its turn only."""
    queue, go = queue_of_one
    for run_id in ("a", "b"):
        queue.add(run_id, "held")
    with pytest.raises(Conflict, match="run a is held"):
        queue.wait("a", None)
    queue.release(None)
    assert not queue.wait("b", 0)
    go.set()
    assert queue.wait("a", PATIENCE)
    assert queue.wait("b", PATIENCE)
    assert queue.entries() == []


def test_dropped(queue_of_one: tuple[RunQueue, threading.Event]) -> None:
    """One that is dropped never starts; who waits for it goes on."""
    queue, go = queue_of_one
    queue.add("a", "immediate")
    queue.add("b", "immediate")
    entry = queue.get("b")
    assert entry is not None
    queue.drop(entry)
    assert queue.wait("b", None)
    assert queue.get("b") is None
    go.set()
    assert queue.wait("a", PATIENCE)
    assert entry.thread is None


@pytest.fixture
def queue_of_one() -> tuple[RunQueue, threading.Event]:
    """A queue with one slot, open, and what lets its entries end."""
    go = threading.Event()
    queue = RunQueue(lambda _: go.wait(PATIENCE), 1)
    queue.open()
    return queue, go
