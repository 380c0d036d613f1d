"""Named snapshots in a folder; what they hold is in `test_store.py`, step by step."""

from __future__ import annotations

import datetime
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.ids import Ids
from abeja_emulator.store.files import DataError
from abeja_emulator.store.saved import SavedSnapshots, UnknownSnapshotError
from abeja_emulator.store.store import Store
from tests.platform_calls import LARGE, files
from tests.store.conftest import Thing

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.store.saved import SavedSnapshot

NOW = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


@pytest.fixture
def saved(disk: Path) -> SavedSnapshots:
    """The snapshots of a folder that does not exist yet."""
    return SavedSnapshots(str(disk / "saved"))


def save(saved: SavedSnapshots, store: Store, name: str = "name") -> SavedSnapshot:
    """Save a state."""
    return saved.save(name, store, store._ids, NOW, "acme")


def load(saved: SavedSnapshots, store: Store, name: str = "name") -> SavedSnapshot:
    """Load a state."""
    with store.transaction():
        return saved.load(name, store, store._ids)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", ".hidden", "-option", "naïve", "a b", "a\n", "a" * 101])
def test_names(saved: SavedSnapshots, store: Store, disk: Path, name: str) -> None:
    """What is no name for a folder anywhere is refused, and nothing is made."""
    with pytest.raises(DataError, match="cannot be the name of a snapshot"):
        save(saved, store, name)
    with pytest.raises(UnknownSnapshotError):
        load(saved, store, name)
    assert list(disk.iterdir()) == []


def test_none(saved: SavedSnapshots, store: Store) -> None:
    """A folder that is not there has none; asking for one says which there are."""
    assert saved.all() == []
    with pytest.raises(UnknownSnapshotError, match=r"'name'.*: none"):
        load(saved, store)
    save(saved, store, "another")
    with pytest.raises(UnknownSnapshotError, match=r"'name'.*: another"):
        load(saved, store)


def test_described(saved: SavedSnapshots, store: Store) -> None:
    """Name, time, organization, number of records, and bytes."""
    with store.transaction():
        store.table("thing", Thing).insert("p", "a", Thing(1))
        store.blobs.put(b"x" * 100_000)
    made = save(saved, store)
    assert saved.all() == [made]
    assert made[:4] == ("name", "2024-01-02T03:04:05.000000", "acme", 1)
    assert 100_000 < made.size < 200_000


def test_into_another_store(saved: SavedSnapshots, store: Store) -> None:
    """A state can go on elsewhere, with its content; ids go on behind those of both."""
    with store.transaction():
        store.table("thing", Thing).insert("p", "a", Thing(1))
        small, _ = store.blobs.put(b"small")
        large, _ = store.blobs.put(b"large" * LARGE)
        last = [(store._ids.platform_id(), store._ids.number("item", "1")) for _ in range(3)][-1]
        store._ids.platform_id("1300000000000")
    save(saved, store)
    other = Store(Ids())
    with other.transaction():
        other.table("thing", Thing).insert("q", "b", Thing(2))
        other._ids.number("item", "2")
    load(saved, other)
    assert [row.record for row in other.table("thing", Thing).all()] == [Thing(1)]
    assert (other.blobs.read(small), other.blobs.read(large)) == (b"small", b"large" * LARGE)
    assert other._ids.platform_id() > last[0]
    assert (other._ids.number("item", "1"), other._ids.number("item", "2")) == (last[1] + 1, 2)
    with other.transaction():
        other.table("thing", Thing).insert("p", "c", Thing(3))
    assert other.table("thing", Thing).slice("p") == [Thing(1), Thing(3)]
    other.close()


def test_not_changed_by_what_comes_later(saved: SavedSnapshots, store: Store) -> None:
    """Content that is released, on either side, stays in the snapshot; a snapshot can be loaded again and again."""
    with store.transaction():
        digest, _ = store.blobs.put(b"large" * LARGE)
    save(saved, store)
    for _ in range(2):
        with store.transaction():
            store.blobs.release(digest)
        load(saved, store)
        assert store.blobs.read(digest) == b"large" * LARGE


class TestReplaced:
    """One name, saved twice."""

    def test_newest(self, saved: SavedSnapshots, store: Store, disk: Path) -> None:
        """The later one counts, and nothing is left of the earlier one."""
        with store.transaction():
            store.blobs.put(b"content")
        save(saved, store)
        with store.transaction():
            store.table("thing", Thing).insert("p", "a", Thing(1))
        assert save(saved, store).records == 1
        assert [snapshot.records for snapshot in saved.all()] == [1]
        assert len(files(disk / "saved")) == 2

    def test_died_before_the_older_was_removed(self, saved: SavedSnapshots, store: Store, disk: Path) -> None:
        """The newer one counts."""
        save(saved, store)
        shutil.copytree(disk / "saved" / "name" / "1", disk / "older")
        with store.transaction():
            store.table("thing", Thing).insert("p", "a", Thing(1))
        save(saved, store)
        shutil.copytree(disk / "older", disk / "saved" / "name" / "1")
        assert [snapshot.records for snapshot in saved.all()] == [1]
        assert load(saved, store).records == 1

    def test_failed(self, saved: SavedSnapshots, store: Store, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The earlier one is still there, and nothing of the later one."""
        save(saved, store)

        def full(_: str) -> None:
            message = "disk full"
            raise OSError(message)

        monkeypatch.setattr(store.blobs, "save", full)
        with pytest.raises(OSError, match="disk full"):
            save(saved, store)
        assert [path.name for path in (disk / "saved" / "name").iterdir()] == ["1"]
        assert len(saved.all()) == 1


class TestDamaged:
    """What cannot be loaded changes nothing."""

    @pytest.fixture
    def path(self, saved: SavedSnapshots, store: Store, disk: Path) -> Path:
        """The folder of a snapshot with content; the state has gone on since."""
        with store.transaction():
            digest, _ = store.blobs.put(b"content")
        save(saved, store)
        with store.transaction():
            store.blobs.release(digest)
            store.table("thing", Thing).insert("p", "a", Thing(1))
        return disk / "saved" / "name" / "1"

    def check(self, saved: SavedSnapshots, store: Store, complaint: str) -> None:
        """Check that loading complains, and leaves the state as it was."""
        with pytest.raises(DataError, match=complaint):
            load(saved, store)
        assert store.table("thing", Thing).slice("p") == [Thing(1)]
        assert store.blobs.size == 0

    def test_content(self, saved: SavedSnapshots, store: Store, path: Path) -> None:
        """A file of its content is missing."""
        files(path / "blobs")[0].unlink()
        self.check(saved, store, "content is missing from a saved snapshot")

    def test_records(self, saved: SavedSnapshots, store: Store, path: Path) -> None:
        """The file of its records is no database."""
        (path / "records.db").write_bytes(b"no database at all" * 100)
        self.check(saved, store, r"records\.db is damaged")

    def test_version(self, saved: SavedSnapshots, store: Store, path: Path) -> None:
        """Another version saved it."""
        with closing(sqlite3.connect(path / "records.db")) as connection:
            connection.execute("PRAGMA user_version = 99")
        self.check(saved, store, "another version")
