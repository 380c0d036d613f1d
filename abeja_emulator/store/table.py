"""Typed records in the database: one table a kind of thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from abeja_emulator.ids import Ids
    from abeja_emulator.store.database import Database

RecordT = TypeVar("RecordT", bound=msgspec.Struct)

#: How many rows are read at once when records are filtered in Python.
SCAN = 500

#: Behind every place in the order of creation.
LAST = 2**63 - 1


@dataclass
class Row(Generic[RecordT]):
    """One record and where it stands.

    Attributes:
        seq: place in the order of creation; grows, never reused.
        parent: id of what the record belongs to.
        record: the record itself.
    """

    seq: int
    parent: str
    record: RecordT


class Table(Generic[RecordT]):
    """Records of one kind, each under a parent, in order of creation.

    The caller holds the database (`Database.reading` or `Database.transaction`).

    Args:
        database: where the records are.
        ids: where their order comes from; it is not rolled back with the database.
        kind: what the records are called in the database.
        record: their type.
    """

    def __init__(self, database: Database, ids: Ids, kind: str, record: type[RecordT]) -> None:
        self._database = database
        self._ids = ids
        self._kind = kind
        self._decoder = msgspec.json.Decoder(record)
        self._encoder = msgspec.json.Encoder()

    def insert(  # noqa: PLR0913 - the columns of a record
        self,
        parent: str,
        identifier: str,
        record: RecordT,
        *,
        name: str | None = None,
        expires: str | None = None,
        archived: bool = False,
    ) -> None:
        """Add a record.

        Raises:
            sqlite3.IntegrityError: when the id, or the name, exists under that parent.
        """
        self._database.execute(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            self._row(parent, identifier, record, name=name, archived=archived, expires=expires),
        )
        self._count(parent, 1)

    def insert_many(self, parent: str, records: Iterable[tuple[str, RecordT]]) -> None:
        """Add many (id, record) pairs without names or expiry under one parent; each is made when its turn comes."""
        encode, sequence = self._encoder.encode, self._ids.sequence
        try:
            added = self._database.executemany(
                "INSERT INTO records VALUES (?, ?, ?, ?, NULL, 0, NULL, ?)",
                ((self._kind, parent, identifier, sequence(), encode(record)) for identifier, record in records),
            )
        except BaseException:
            # Those before it are there, until the transaction is undone.
            self._database.execute(
                "INSERT OR REPLACE INTO counts SELECT ?, ?, count(*) FROM records WHERE kind = ? AND parent = ?",
                (self._kind, parent, self._kind, parent),
            )
            raise
        self._count(parent, added)

    def _count(self, parent: str, more: int) -> None:
        self._database.execute(
            "INSERT INTO counts VALUES (?, ?, ?) "
            "ON CONFLICT (kind, parent) DO UPDATE SET total = total + excluded.total",
            (self._kind, parent, more),
        )

    def _row(  # noqa: PLR0913 - the columns of a record
        self,
        parent: str,
        identifier: str,
        record: RecordT,
        *,
        name: str | None = None,
        archived: bool = False,
        expires: str | None = None,
    ) -> tuple[object, ...]:
        return (
            self._kind,
            parent,
            identifier,
            self._ids.sequence(),
            name,
            int(archived),
            expires,
            self._encoder.encode(record),
        )

    def get(self, parent: str, identifier: str) -> RecordT | None:
        """Return the record with that id under that parent, or None."""
        row = self._database.execute(
            "SELECT data FROM records WHERE kind = ? AND parent = ? AND id = ?",
            (self._kind, parent, identifier),
        ).fetchone()
        return None if row is None else self._decoder.decode(row[0])

    def named(self, parent: str, name: str) -> RecordT | None:
        """Return the record with that name under that parent, or None."""
        row = self._database.execute(
            "SELECT data FROM records WHERE kind = ? AND parent = ? AND name = ?",
            (self._kind, parent, name),
        ).fetchone()
        return None if row is None else self._decoder.decode(row[0])

    def find(self, identifier: str) -> Row[RecordT] | None:
        """Return the record with that id under whatever parent, or None."""
        row = self._database.execute(
            "SELECT seq, parent, data FROM records WHERE kind = ? AND id = ?", (self._kind, identifier)
        ).fetchone()
        return None if row is None else self._decoded(row)

    def update(
        self, parent: str, identifier: str, record: RecordT, *, archived: bool = False, expires: str | None = None
    ) -> None:
        """Put `record` in the place of the one with that id; its name and its order stay, but see `rename`."""
        self._database.execute(
            "UPDATE records SET data = ?, archived = ?, expires = ? WHERE kind = ? AND parent = ? AND id = ?",
            (self._encoder.encode(record), int(archived), expires, self._kind, parent, identifier),
        )

    def rename(self, parent: str, identifier: str, name: str | None) -> None:
        """Give the record with that id another name to be found by.

        Raises:
            sqlite3.IntegrityError: when another record under that parent has it.
        """
        self._database.execute(
            "UPDATE records SET name = ? WHERE kind = ? AND parent = ? AND id = ?",
            (name, self._kind, parent, identifier),
        )

    def delete(self, parent: str, identifier: str) -> None:
        """Remove the record with that id; removing what is not there does nothing."""
        gone = self._database.execute(
            "DELETE FROM records WHERE kind = ? AND parent = ? AND id = ?", (self._kind, parent, identifier)
        )
        if gone.rowcount:
            self._count(parent, -1)
            self._database.execute(
                "DELETE FROM counts WHERE kind = ? AND parent = ? AND total = 0", (self._kind, parent)
            )

    def delete_under(self, parent: str) -> None:
        """Remove every record of this kind under that parent."""
        self._database.execute("DELETE FROM records WHERE kind = ? AND parent = ?", (self._kind, parent))
        self._database.execute("DELETE FROM counts WHERE kind = ? AND parent = ?", (self._kind, parent))

    def count(self, parent: str) -> int:
        """Return how many records there are under that parent, in constant time."""
        row = self._database.execute(
            "SELECT total FROM counts WHERE kind = ? AND parent = ?", (self._kind, parent)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def count_kept(self, parent: str) -> int:
        """Return how many records under that parent are not archived."""
        row = self._database.execute(
            "SELECT count(*) FROM records WHERE kind = ? AND parent = ? AND archived = 0", (self._kind, parent)
        ).fetchone()
        return int(row[0])

    def page(self, parent: str, *, after: int = 0, limit: int = SCAN, newest_first: bool = False) -> list[Row[RecordT]]:
        """Return up to `limit` records behind place `after` (0: from the start), in the order asked for."""
        if newest_first:
            beyond, order, after = "<", "DESC", after or LAST
        else:
            beyond, order = ">", "ASC"
        rows = self._database.execute(
            "SELECT seq, parent, data FROM records "  # noqa: S608 - no text of a client gets in
            f"WHERE kind = ? AND parent = ? AND seq {beyond} ? ORDER BY seq {order} LIMIT ?",
            (self._kind, parent, after, limit),
        )
        return [self._decoded(row) for row in rows]

    def slice(
        self, parent: str, *, offset: int = 0, limit: int = -1, archived: bool = True, newest_first: bool = False
    ) -> list[RecordT]:
        """Return `limit` records (-1: all) from `offset` on; `archived=False` leaves archived ones out."""
        order = "DESC" if newest_first else "ASC"
        rows = self._database.execute(
            "SELECT seq, parent, data FROM records WHERE kind = ? AND parent = ? AND archived <= ? "  # noqa: S608
            f"ORDER BY seq {order} LIMIT ? OFFSET ?",
            (self._kind, parent, int(archived), limit, offset),
        )
        return [self._decoded(row).record for row in rows]

    def scan(self, parent: str, *, after: int = 0, newest_first: bool = False) -> Iterator[Row[RecordT]]:
        """Yield every record behind place `after`, a few hundred read at a time."""
        while rows := self.page(parent, after=after, newest_first=newest_first):
            yield from rows
            after = rows[-1].seq

    def expired(self, moment: str) -> list[Row[RecordT]]:
        """Return the records whose time has come by `moment` (`clock.iso` form)."""
        rows = self._database.execute(
            "SELECT seq, parent, data FROM records WHERE kind = ? AND expires <= ?", (self._kind, moment)
        )
        return [self._decoded(row) for row in rows]

    def all(self) -> Iterator[Row[RecordT]]:
        """Yield every record of this kind, oldest first."""
        rows = self._database.execute(
            "SELECT seq, parent, data FROM records WHERE kind = ? ORDER BY seq", (self._kind,)
        ).fetchall()
        return (self._decoded(row) for row in rows)

    def _decoded(self, row: sqlite3.Row | tuple[int, str, bytes]) -> Row[RecordT]:
        return Row(row[0], row[1], self._decoder.decode(row[2]))
