"""One connection, one lock, savepoints."""

from __future__ import annotations

import os
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.store.database import Database, ForeignProcessError
from abeja_emulator.store.store import Store
from tests.store.conftest import Thing
from tests.store.process import forks, in_child

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.store.table import Table


def held_by_another(database: Database) -> bool:
    """Tell whether a thread that tried could not have the lock."""
    got: list[bool] = []

    def attempt() -> None:
        got.append(database._lock.acquire(blocking=False))
        if got[0]:
            database._lock.release()

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return not got[0]


class TestTransaction:
    """All or nothing."""

    def test_kept(self, store: Store, things: Table[Thing]) -> None:
        """What ends well stays."""
        with store.transaction():
            things.insert("p", "a", Thing(1))
            things.insert("p", "b", Thing(2))
        assert things.slice("p") == [Thing(1), Thing(2)]

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
    def test_nothing_of_what_failed(self, store: Store, things: Table[Thing], error: type[BaseException]) -> None:
        """Whatever ended it, records, counts and names are as before, and the next transaction works."""
        with store.transaction():
            things.insert("p", "a", Thing(1), name="first")

        def fail() -> None:
            with store.transaction():
                things.update("p", "a", Thing(5))
                things.insert("p", "b", Thing(2), name="second")
                raise error

        with pytest.raises(error):
            fail()
        assert (things.slice("p"), things.count("p")) == ([Thing(1)], 1)
        assert things.named("p", "second") is None
        with store.transaction():
            things.insert("p", "b", Thing(2), name="second")
        assert things.count("p") == 2

    def test_inner_failure_caught(self, store: Store, things: Table[Thing]) -> None:
        """An inner transaction that fails takes only its own with it."""

        def fail() -> None:
            with store.transaction():
                things.insert("p", "b", Thing(2))
                raise ZeroDivisionError

        with store.transaction():
            things.insert("p", "a", Thing(1))
            with pytest.raises(ZeroDivisionError):
                fail()
            things.insert("p", "c", Thing(3))
        assert things.slice("p") == [Thing(1), Thing(3)]

    def test_outer_failure_undoes_the_inner(self, store: Store, things: Table[Thing]) -> None:
        """A nested transaction ends for good with the outermost."""

        def fail() -> None:
            with store.transaction():
                with store.transaction():
                    things.insert("p", "a", Thing(1))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert things.count("p") == 0

    def test_end_that_fails(self, store: Store, things: Table[Thing], monkeypatch: pytest.MonkeyPatch) -> None:
        """What cannot be committed, on a full disk for one, is undone, and the next transaction works."""

        def full() -> None:
            message = "database or disk is full"
            raise sqlite3.OperationalError(message)

        def insert() -> None:
            with store.transaction():
                things.insert("p", "a", Thing(1))

        with monkeypatch.context() as patch:
            patch.setattr(store.database, "release", full)
            with pytest.raises(sqlite3.OperationalError, match="full"):
                insert()
        assert (things.count("p"), store.database.depth) == (0, 0)
        insert()
        assert things.count("p") == 1

    @pytest.mark.parametrize("enter", [Store.transaction, Store.reading])
    def test_lock(self, store: Store, enter: Callable[[Store], Store]) -> None:
        """It is held inside, and by nobody afterwards, error or not."""
        with enter(store):  # type: ignore[attr-defined]
            assert held_by_another(store.database)
        assert not held_by_another(store.database)
        with pytest.raises(ZeroDivisionError), enter(store):  # type: ignore[attr-defined]
            raise ZeroDivisionError
        assert not held_by_another(store.database)


class TestThreads:
    """Any thread may use it, one at a time."""

    def test_no_write_is_lost(self, store: Store, things: Table[Thing]) -> None:
        """Reading and writing back in a transaction counts right, in many threads at once."""
        with store.transaction():
            things.insert("p", "counter", Thing(0))
        barrier = threading.Barrier(4)

        def fail() -> None:
            with store.transaction():
                things.delete_under("p")
                raise ZeroDivisionError

        # An error in a thread fails the test: it is a warning of pytest's.
        def work(name: str) -> None:
            barrier.wait()
            for number in range(100):
                with store.transaction():
                    counter = things.get("p", "counter")
                    assert counter is not None
                    things.insert("p", f"{name}-{number}", Thing(number))
                    things.update("p", "counter", Thing(counter.value + 1))
                if number % 10 == 0:
                    with pytest.raises(ZeroDivisionError):
                        fail()

        threads = [threading.Thread(target=work, args=(str(number),)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert things.get("p", "counter") == Thing(400)
        assert things.count("p") == len(things.slice("p")) == 401
        places = [row.seq for row in things.scan("p")]
        assert places == sorted(set(places))


class TestProcess:
    """A forked child has a copy of everything, and must not use it."""

    @forks
    def test_child_is_refused(self, store: Store, things: Table[Thing]) -> None:
        """Reading, writing, snapshots: each says who did what, and what to do instead."""

        def write() -> str:
            with store.transaction():
                things.insert("p", "child", Thing(1))
            return "written"

        def read() -> str:
            with store.reading():
                return str(things.count("p"))

        snapshot = store.snapshot()
        attempts: list[Callable[[], object]] = [write, read, store.snapshot, snapshot.rollback]
        for attempt in attempts:
            said = in_child(lambda attempt=attempt: str(attempt()))  # type: ignore[misc]
            assert said.startswith(ForeignProcessError.__name__)
            assert f"forked from {os.getpid()}" in said
            assert "loopback" in said
        snapshot.rollback()
        assert things.count("p") == 0

    @forks
    def test_child_of_a_process_that_writes(self, store: Store) -> None:
        """A lock that was held when the child was made does not hang it."""

        def read() -> str:
            with store.reading():
                return "read"

        held, done = threading.Event(), threading.Event()

        def hold() -> None:
            with store.transaction():
                held.set()
                done.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        try:
            assert in_child(read).startswith(ForeignProcessError.__name__)
        finally:
            done.set()
            thread.join()

    @forks
    def test_child_may_close(self, store: Store, things: Table[Thing]) -> None:
        """Closing its copy does nothing to the parent's."""

        def close() -> str:
            store.close()
            return "closed"

        assert in_child(close) == "closed"
        with store.transaction():
            things.insert("p", "a", Thing(1))
        assert things.count("p") == 1


def test_what_was_made_since_a_place_is_told(store: Store, things: Table[Thing]) -> None:
    """In order, and whether it is still there; a change of a record makes none."""
    database = store.database
    assert database.last_place == 0
    with store.transaction():
        things.insert("p", "before", Thing(1))
        place = database.last_place
        things.insert("p", "first", Thing(2))
        things.insert("q", "second", Thing(3))
        things.update("p", "before", Thing(4))
        made = database.made_since(place)
        assert [(parent, identifier) for _, parent, identifier in made] == [("p", "first"), ("q", "second")]
        things.delete("p", "first")
        assert [database.has(*record) for record in made] == [False, True]
