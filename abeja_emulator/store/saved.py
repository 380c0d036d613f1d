"""Named snapshots: copies of a state in a folder, which outlive it."""

from __future__ import annotations

import contextlib
import errno
import re
import secrets
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from abeja_emulator.clock import iso
from abeja_emulator.store.disk import Disk
from abeja_emulator.store.files import DataError, check_version, explain, version_of
from abeja_emulator.store.shelves import path_in

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from abeja_emulator.ids import Ids
    from abeja_emulator.store.store import Store

VERSION = 1

#: As in the state, but only to be read from start to end.
SCHEMA = """
CREATE TABLE records (
    kind TEXT NOT NULL,
    parent TEXT NOT NULL,
    id TEXT NOT NULL,
    seq INTEGER PRIMARY KEY,
    name TEXT,
    archived INTEGER NOT NULL,
    expires TEXT,
    data BLOB NOT NULL
);
CREATE TABLE counts (kind TEXT NOT NULL, parent TEXT NOT NULL, total INTEGER NOT NULL);
CREATE TABLE blobs (digest TEXT NOT NULL, size INTEGER NOT NULL, uses INTEGER NOT NULL);
CREATE TABLE counters (kind TEXT NOT NULL, parent TEXT NOT NULL, value INTEGER NOT NULL);
CREATE TABLE about (saved_at TEXT NOT NULL, organization TEXT NOT NULL);
"""

#: What the folder of one holds, and how a folder begins that is not complete yet.
_RECORDS, _BLOBS, _UNFINISHED = "records.db", "blobs", ".new-"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class SavedSnapshot(NamedTuple):
    """A snapshot that was saved.

    Attributes:
        name: its name.
        saved_at: when, by the clock of the Platform it was saved from (`clock.iso` form, UTC).
        organization: name of the default organization.
        records: number of records: datasets, items, files, jobs, …
        size: bytes of its records and of its content; content that several snapshots share counts in each.
    """

    name: str
    saved_at: str
    organization: str
    records: int
    size: int


class UnknownSnapshotError(DataError):
    """There is no saved snapshot of that name."""


class SavedSnapshots:
    """The named snapshots of a folder.

    Each name is a folder with one numbered folder, in which there are the records and the content. A
    snapshot that replaces another has the next number, and is the one that counts from the moment it
    is complete.

    Args:
        folder: where they are; made when one is saved.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def all(self) -> list[SavedSnapshot]:
        """Return all snapshots, sorted by name."""
        found = ((name, self._newest(name)) for name in sorted(_names(self._folder)) if _NAME.fullmatch(name))
        return [self._describe(name, path) for name, path in found if path is not None]

    def save(self, name: str, store: Store, ids: Ids, now: datetime.datetime, organization: str) -> SavedSnapshot:
        """Save a state; one of the same name is replaced once this one is complete.

        Raises:
            DataError: when this cannot be a name.
        """
        if not _NAME.fullmatch(name):
            message = (
                f"{name!r} cannot be the name of a snapshot: a name has up to 100 letters, digits, and the signs -, _ "
                "and ., and begins with a letter or a digit"
            )
            raise DataError(message)
        Disk.ensure_folders(self._folder)
        home = Disk.join(self._folder, name)
        Disk.ensure_folder(home)
        unfinished = Disk.join(home, _UNFINISHED + secrets.token_hex(8))
        Disk.ensure_folder(unfinished)
        try:
            with store.reading():
                _write(unfinished, store, ids, iso(now), organization)
            path = _give_number(home, unfinished)
        except BaseException:
            Disk.remove_folder(unfinished)
            raise
        for older in _numbers(home):
            if Disk.join(home, str(older)) != path:
                Disk.remove_folder(Disk.join(home, str(older)))
        return self._describe(name, path)

    def load(self, name: str, store: Store, ids: Ids) -> SavedSnapshot:
        """Put a saved state in the place of what there is; ids go on behind both.

        The caller holds a transaction.

        Raises:
            UnknownSnapshotError: when there is none of that name.
            DataError: when it cannot be used: another version saved it, or it is damaged.
        """
        path = self._newest(name) if _NAME.fullmatch(name) else None
        if path is None:
            known = ", ".join(snapshot.name for snapshot in self.all()) or "none"
            message = f"there is no snapshot {name!r} in {self._folder}; saved ones: {known}"
            raise UnknownSnapshotError(message)
        with _opened(path) as saved:
            ids.resume(saved.execute("SELECT kind, parent, value FROM counters"))
            _load_content(saved, Disk.join(path, _BLOBS), store)
            for table, width in (("records", 8), ("counts", 3)):
                store.database.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
                store.database.executemany(
                    f"INSERT INTO {table} VALUES ({', '.join('?' * width)})",  # noqa: S608
                    saved.execute(f"SELECT * FROM {table}"),  # noqa: S608
                )
        return self._describe(name, path)

    def clear_up(self) -> None:
        """Remove what was not complete when its process died; only for who has the folder alone."""
        for name in _names(self._folder):
            home = Disk.join(self._folder, name)
            for inside in _names(home):
                if inside.startswith(_UNFINISHED):
                    Disk.remove_folder(Disk.join(home, inside))

    def _newest(self, name: str) -> str | None:
        home = Disk.join(self._folder, name)
        numbers = _numbers(home)
        return Disk.join(home, str(max(numbers))) if numbers else None

    @staticmethod
    def _describe(name: str, path: str) -> SavedSnapshot:
        with _opened(path) as saved:
            saved_at, organization = saved.execute("SELECT saved_at, organization FROM about").fetchone()
            records = saved.execute("SELECT coalesce(sum(total), 0) FROM counts").fetchone()[0]
            content = saved.execute("SELECT coalesce(sum(size), 0) FROM blobs").fetchone()[0]
        size = (Disk.size(Disk.join(path, _RECORDS)) or 0) + content
        return SavedSnapshot(name, saved_at, organization, records, size)


def _write(folder: str, store: Store, ids: Ids, saved_at: str, organization: str) -> None:
    """Write the state into an empty folder; the caller holds the store.

    Row by row and not with `backup`, which an open snapshot of the state would not let through.
    """
    path, content = Disk.join(folder, _RECORDS), Disk.join(folder, _BLOBS)
    Disk.create(path)
    Disk.ensure_folder(content)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as target:
        # The folder has no name yet: what is half written is never read.
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")
        target.executescript(f"{SCHEMA}; PRAGMA user_version = {VERSION}; BEGIN")
        read = store.database.execute
        target.executemany(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)", read("SELECT * FROM records ORDER BY seq")
        )
        target.executemany("INSERT INTO counts VALUES (?, ?, ?)", read("SELECT * FROM counts"))
        target.executemany("INSERT INTO blobs VALUES (?, ?, ?)", read("SELECT * FROM blobs"))
        target.executemany("INSERT INTO counters VALUES (?, ?, ?)", ids.counters())
        target.execute("INSERT INTO about VALUES (?, ?)", (saved_at, organization))
        target.execute("COMMIT")
    store.blobs.save(content)


def _load_content(saved: sqlite3.Connection, folder: str, store: Store) -> None:
    try:
        store.blobs.load(saved.execute("SELECT digest, size, uses FROM blobs"), lambda digest: path_in(folder, digest))
    except FileNotFoundError as error:
        message = f"content is missing from a saved snapshot, {error.filename}; save it again, or load another one"
        raise DataError(message) from error


def _give_number(home: str, unfinished: str) -> str:
    """Let a complete folder be the newest of its name, and return its path."""
    while True:
        path = Disk.join(home, str(max(_numbers(home), default=0) + 1))
        try:
            Disk.rename(unfinished, path)
        except OSError as error:
            # Another process saved under the same name at the same time.
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
        else:
            return path


@contextlib.contextmanager
def _opened(folder: str) -> Iterator[sqlite3.Connection]:
    path = Disk.join(folder, _RECORDS)
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as saved:
            check_version(path, version_of(saved), VERSION)
            yield saved
    except sqlite3.DatabaseError as error:
        raise explain(path, error) from error


def _names(folder: str) -> list[str]:
    try:
        return Disk.names(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _numbers(home: str) -> list[int]:
    return [int(name) for name in _names(home) if name.isascii() and name.isdigit()]
