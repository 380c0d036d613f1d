"""The SQLite database under a Platform: one connection, one lock, savepoints.

All SQL of the project is in this folder, so that another engine can stand in for it.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# Counts are kept by triggers because an answer such as `total_count` of a dataset must not become
# slower as the dataset grows: count(*) of 100,000 rows takes milliseconds.
SCHEMA = """
CREATE TABLE records (
    kind TEXT NOT NULL,
    parent TEXT NOT NULL,
    id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    name TEXT,
    archived INTEGER NOT NULL DEFAULT 0,
    expires TEXT,
    data BLOB NOT NULL,
    PRIMARY KEY (kind, parent, id)
) WITHOUT ROWID;
CREATE INDEX records_in_order ON records (kind, parent, seq);
CREATE INDEX records_by_id ON records (kind, id);
CREATE UNIQUE INDEX records_by_name ON records (kind, parent, name) WHERE name IS NOT NULL;
CREATE INDEX records_by_expiry ON records (kind, expires) WHERE expires IS NOT NULL;
CREATE TABLE counts (
    kind TEXT NOT NULL,
    parent TEXT NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (kind, parent)
) WITHOUT ROWID;
CREATE TRIGGER count_one_more AFTER INSERT ON records BEGIN
    INSERT INTO counts VALUES (new.kind, new.parent, 1)
    ON CONFLICT (kind, parent) DO UPDATE SET total = total + 1;
END;
CREATE TRIGGER count_one_less AFTER DELETE ON records BEGIN
    UPDATE counts SET total = total - 1 WHERE kind = old.kind AND parent = old.parent;
    DELETE FROM counts WHERE kind = old.kind AND parent = old.parent AND total = 0;
END;
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

    Args:
        path: a file that does not exist yet, or the default, which lives and dies with the object.

    Raises:
        FileExistsError: when the file has records already. Neither their content nor which ids were
            handed out is kept in it.
    """

    def __init__(self, path: str = ":memory:") -> None:
        self._lock = RLock()
        self._pid = os.getpid()
        self._depth = 0
        # isolation_level=None: sqlite3 must not open transactions of its own among our savepoints.
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        if self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'records'").fetchone():
            self._connection.close()
            message = (
                f"{path} has the records of another Platform, whose files and ids are not kept in it; "
                "name a file that does not exist yet"
            )
            raise FileExistsError(message)
        self._connection.executescript(SCHEMA)

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
            except BaseException:
                self.rollback()
                raise
            self.release()

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
        self._connection.execute(f"ROLLBACK TO s{self._depth}")
        self.release()

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

    def executemany(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        """Run one statement for each row; the caller holds `transaction()`."""
        self._connection.executemany(sql, rows)

    def close(self) -> None:
        """Close the connection; a forked child leaves its parent's alone."""
        if os.getpid() == self._pid:
            with self._lock:
                self._connection.close()

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            message = (
                f"process {os.getpid()} was forked from {self._pid} and touched its Platform directly; "
                "a child process reaches the Platform over the loopback transport"
            )
            raise ForeignProcessError(message)
