"""The SQLite database under a Platform: one connection, one lock, savepoints.

All SQL of the project is in this folder, so that another engine can stand in for it.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

from abeja_emulator.store.files import open_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Of what is below; a file with another one is refused.
VERSION = 1

# A record is at its place in the order of creation, so that many at once are appended and not sorted in:
# three times as fast as a table in the order of ids. `Table` keeps the counts, because an answer such as
# `total_count` of a dataset must not become slower as the dataset grows (count(*) of 100,000 rows takes
# milliseconds), and a trigger costs as much as all the rest of an insertion.
SCHEMA = """
CREATE TABLE records (
    kind TEXT NOT NULL,
    parent TEXT NOT NULL,
    id TEXT NOT NULL,
    seq INTEGER PRIMARY KEY,
    name TEXT,
    archived INTEGER NOT NULL DEFAULT 0,
    expires TEXT,
    data BLOB NOT NULL,
    UNIQUE (kind, id, parent)
);
CREATE INDEX records_in_order ON records (kind, parent);
CREATE UNIQUE INDEX records_by_name ON records (kind, parent, name) WHERE name IS NOT NULL;
CREATE INDEX records_by_expiry ON records (kind, expires) WHERE expires IS NOT NULL;
CREATE TABLE counts (
    kind TEXT NOT NULL,
    parent TEXT NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (kind, parent)
) WITHOUT ROWID;
CREATE TABLE blobs (
    digest TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    uses INTEGER NOT NULL
) WITHOUT ROWID;
"""


class ForeignProcessError(RuntimeError):
    """A forked child touched the database of its parent."""


class Held:
    """A lock that is held while this is entered.

    A lock is a context manager itself, but what it returns is no business of the caller's.
    """

    __slots__ = ("_lock",)

    def __init__(self, lock: RLock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exception: object) -> None:
        self._lock.release()


class Database:
    """One SQLite connection that any thread of this process may use, one at a time.

    In a file, what a transaction wrote is in the hands of the system when it ends, and survives whatever
    becomes of this process, unless a savepoint is open around it.

    Args:
        path: a file, made when it is not there; the default lives and dies with the object.

    Raises:
        DataError: when the file cannot be used: another version of this package made it, or it is none of ours.
    """

    def __init__(self, path: str = ":memory:") -> None:
        self._lock = RLock()
        self._pid = os.getpid()
        self._depth = 0
        if path == ":memory:":
            # isolation_level=None: sqlite3 must not open transactions of its own among our savepoints.
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.executescript(SCHEMA)
        else:
            self._connection = open_file(path, SCHEMA, VERSION)

    def reading(self) -> Held:
        """Hold the database still while something is read from it; use it in a `with`."""
        self._check_process()
        return Held(self._lock)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what follows happen wholly or, when it raises, not at all."""
        with self.reading():
            self.savepoint()
            try:
                yield
                self.release()
            except BaseException:
                self.rollback()
                raise

    def savepoint(self) -> int:
        """Open a savepoint and return its depth, 1 for the outermost."""
        self._depth += 1
        self._connection.execute(f"SAVEPOINT s{self._depth}")
        return self._depth

    def release(self) -> None:
        """Close the innermost savepoint and keep what came after it."""
        self._connection.execute(f"RELEASE s{self._depth}")
        self._depth -= 1

    def rollback(self) -> None:
        """Close the innermost savepoint and undo what came after it."""
        # When the disk is full, SQLite may have undone everything by itself.
        if self._connection.in_transaction:
            self._connection.execute(f"ROLLBACK TO s{self._depth}")
            self._connection.execute(f"RELEASE s{self._depth}")
        self._depth -= 1

    def copy(self) -> Database:
        """Return a database in memory with the same records; the caller holds `reading()`.

        Row by row and not with `backup`, which an open savepoint would not let through.
        """
        copied = Database()
        with copied.transaction():
            for table, width in (("records", 8), ("counts", 3), ("blobs", 3)):
                copied.executemany(
                    f"INSERT INTO {table} VALUES ({', '.join('?' * width)})",  # noqa: S608 - names of our own
                    self._connection.execute(f"SELECT * FROM {table}"),  # noqa: S608 - the same
                )
        return copied

    @property
    def last_place(self) -> int:
        """The place in the order of creation of the newest record, 0 without any; the caller holds `reading()`."""
        return int(self._connection.execute("SELECT coalesce(max(seq), 0) FROM records").fetchone()[0])

    def made_since(self, place: int) -> list[tuple[str, str, str]]:
        """Return kind, parent and id of the records behind that place; the caller holds `reading()`."""
        return self._connection.execute(
            "SELECT kind, parent, id FROM records WHERE seq > ? ORDER BY seq", (place,)
        ).fetchall()

    def has(self, kind: str, parent: str, identifier: str) -> bool:
        """Tell whether a record is there; the caller holds `reading()`."""
        found = self._connection.execute(
            "SELECT 1 FROM records WHERE kind = ? AND parent = ? AND id = ?", (kind, parent, identifier)
        )
        return found.fetchone() is not None

    @property
    def is_ours(self) -> bool:
        """Whether this process opened it, and not one that it was forked from."""
        return os.getpid() == self._pid

    @property
    def depth(self) -> int:
        """How many savepoints are open."""
        return self._depth

    @property
    def changes(self) -> int:
        """How many rows were ever written; it grows with every write and never goes back."""
        return self._connection.total_changes

    def execute(self, sql: str, arguments: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run one statement; the caller holds `reading()` or `transaction()`."""
        return self._connection.execute(sql, arguments)

    def executemany(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> int:
        """Run one statement for each row and return how many rows that wrote; the caller holds `transaction()`."""
        return self._connection.executemany(sql, rows).rowcount

    def close(self) -> None:
        """Close the connection; a forked child leaves its parent's alone."""
        if self.is_ours:
            with self._lock:
                self._connection.close()

    def _check_process(self) -> None:
        # Not `is_ours`: every call comes by here.
        if os.getpid() != self._pid:
            message = (
                f"process {os.getpid()} was forked from {self._pid} and touched its Platform directly; "
                "a child process reaches the Platform over the loopback transport"
            )
            raise ForeignProcessError(message)
