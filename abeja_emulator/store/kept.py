"""What is never turned back, whatever becomes of the state: ids, time, and the secrets of one Platform."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from abeja_emulator.store.files import open_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abeja_emulator.clock import Clock
    from abeja_emulator.ids import Counter, Ids

VERSION = 1

SCHEMA = """
CREATE TABLE counters (
    kind TEXT NOT NULL,
    parent TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (kind, parent)
) WITHOUT ROWID;
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
"""

_RAISE = (
    "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT (kind, parent) DO UPDATE SET value = max(value, excluded.value)"
)

_OFFSET = "clock offset"


class Kept:
    """A file of its own beside the state, because neither a rollback nor a loaded snapshot may touch it.

    The caller holds the store, or is the only one who has it.

    Args:
        path: the file, made when it is not there.
        clock: whose offset is kept.

    Raises:
        DataError: when it cannot be used.
    """

    def __init__(self, path: str, clock: Clock) -> None:
        self._connection = open_file(path, SCHEMA, VERSION)
        self._clock = clock
        self._pid = os.getpid()
        self._offset: float | None = None

    def resume(self, ids: Ids) -> None:
        """Let ids and time go on from where they were: behind all that was handed out, and no earlier."""
        ids.track()
        ids.resume(self._connection.execute("SELECT kind, parent, value FROM counters"))
        offset = float(self.fact(_OFFSET, b"0"))
        if offset > self._clock.offset:
            self._clock.advance(offset - self._clock.offset)

    def keep(self, ids: Ids) -> None:
        """Write down what was handed out, and how far the clock was put forward, since the last time."""
        counters = ids.changes()
        offset = self._clock.offset
        if not counters and offset == self._offset:
            return
        try:
            self._write(counters, offset)
        except BaseException:
            ids.put_back(counters)
            raise
        self._offset = offset

    def fact(self, name: str, default: bytes) -> bytes:
        """Return what is kept under a name; `default` is kept from now on when nothing is."""
        self._connection.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, default))
        return bytes(self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()[0])

    def close(self) -> None:
        """Close the file; a forked child leaves its parent's alone."""
        if os.getpid() == self._pid:
            self._connection.close()

    def _write(self, counters: Iterable[Counter], offset: float) -> None:
        self._connection.execute("BEGIN")
        try:
            self._connection.executemany(_RAISE, counters)
            if offset != self._offset:
                self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (_OFFSET, repr(offset).encode()))
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
