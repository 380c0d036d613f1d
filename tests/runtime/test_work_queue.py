"""Entries start in their order, so many at once, and are forgotten when they have ended."""

from __future__ import annotations

import threading

import pytest

from abeja_emulator.errors import Conflict
from abeja_emulator.runtime.work_queue import WorkQueue

#: Real seconds after which a test gives up.
PATIENCE = 60.0


def test_nothing_starts_before_it_is_open_or_after_it_is_closed() -> None:
    """What was added meanwhile waits."""
    ran: list[str] = []
    queue = WorkQueue("run", lambda entry: ran.append(entry.identifier), object, 1)
    queue.add("a", "immediate")
    assert [entry.identifier for entry in queue.waiting()] == ["a"]
    queue.open()
    assert queue.wait("a", PATIENCE)
    queue.close()
    queue.add("b", "immediate")
    assert not queue.wait("b", 0)
    assert ran == ["a"]


def test_twice(queue_of_one: tuple[WorkQueue[object], threading.Event]) -> None:
    """A run that is here already is not queued again."""
    queue, go = queue_of_one
    queue.add("a", "immediate")
    queue.add("a", "immediate")
    queue.add("b", "held")
    queue.add("b", "immediate")
    assert [(entry.identifier, entry.mode) for entry in queue.entries()] == [("a", "immediate"), ("b", "held")]
    go.set()
    assert queue.wait("a", PATIENCE)


def test_held(queue_of_one: tuple[WorkQueue[object], threading.Event]) -> None:
    """One that is held would never end; let go, it waits for its turn only."""
    queue, go = queue_of_one
    for identifier in ("a", "b"):
        queue.add(identifier, "held")
    with pytest.raises(Conflict, match="run a is held"):
        queue.wait("a", None)
    queue.release(None)
    assert not queue.wait("b", 0)
    go.set()
    assert queue.wait("a", PATIENCE)
    assert queue.wait("b", PATIENCE)
    assert queue.entries() == []


def test_withdrawn(queue_of_one: tuple[WorkQueue[object], threading.Event]) -> None:
    """One that is withdrawn never starts, and who waits for it goes on; one that runs is not withdrawn."""
    queue, go = queue_of_one
    queue.add("a", "immediate")
    queue.add("b", "immediate")
    entry = queue.get("b")
    assert entry is not None
    assert queue.withdraw(entry)
    assert queue.wait("b", None)
    assert queue.get("b") is None
    runs = queue.get("a")
    assert runs is not None
    assert not queue.withdraw(runs)
    assert queue.get("a") is runs
    go.set()
    assert queue.wait("a", PATIENCE)
    assert entry.thread is None


@pytest.fixture
def queue_of_one() -> tuple[WorkQueue[object], threading.Event]:
    """A queue with one slot, open, and what lets its entries end."""
    go = threading.Event()
    queue = WorkQueue("run", lambda _: go.wait(PATIENCE), object, 1)
    queue.open()
    return queue, go
