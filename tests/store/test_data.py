"""Records and blobs in a data directory: closed, opened again, and dying at any moment between two calls."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis.stateful import rule

from abeja_emulator.clock import Clock
from abeja_emulator.ids import Ids
from abeja_emulator.store.directory import BLOBS, INCOMING, DataDirectory
from abeja_emulator.store.shelves import LostContentError
from abeja_emulator.store.store import Store
from tests.platform_calls import LARGE, files
from tests.store.conftest import Thing
from tests.store.test_store import StoreMachine

if TYPE_CHECKING:
    from collections.abc import Callable


class DataStoreMachine(StoreMachine):
    """The same store, with all its rules, where it outlives the process."""

    def new_store(self) -> Store:
        """Return the store of a directory, which is made the first time."""
        return Store(self.ids, DataDirectory(self.data, Clock()))

    @property
    def data(self) -> Path:
        """The directory; another one each time the process died."""
        return Path(self.folder.name, str(self.__dict__.setdefault("deaths", 0)))

    def files(self) -> list[str]:
        """Return the names of the files of content; they stay at the end, when there is no more store."""
        return [] if self.store._directory is None else [path.name for path in files(self.data / BLOBS)]

    def check_files(self, wanted: set[bytes]) -> None:
        """Check that the directory has this content, each under its digest, and nothing that arrives."""
        assert sorted(self.files()) == sorted(self.digests[content] for content in wanted)
        assert files(self.data / INCOMING) == []

    @rule()
    def reopen(self) -> None:
        """End well and begin again: what came since snapshots that were open is kept."""
        self.store.close()
        self.snapshots.clear()
        self.open()

    @rule()
    def die(self) -> None:
        """Begin again from the files as they are now: all is there but what came since a snapshot that is open."""
        dying, dead = self.store, self.data
        self.deaths = self.__dict__["deaths"] + 1
        shutil.copytree(dead, self.data)
        dying.close()
        if self.snapshots:
            self.model = self.snapshots[0][1]
            self.snapshots.clear()
        self.open()


TestDataStoreMachine = DataStoreMachine.TestCase
TestDataStoreMachine.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


def opened(folder: Path) -> Store:
    """Open the store of a directory."""
    return Store(Ids(), DataDirectory(folder, Clock()))


@pytest.fixture
def data(disk: Path) -> Path:
    """A directory that does not exist yet."""
    return disk / "data"


@pytest.mark.parametrize("content", [b"small", b"large" * LARGE], ids=["small", "large"])
def test_death_in_a_transaction(data: Path, content: bytes) -> None:
    """Nothing of it is there afterwards, neither records nor content, and the ids it took do not come back."""
    store = opened(data)
    with store.transaction():
        store.table("thing", Thing).insert("p", "a", Thing(1))
        digest, _ = store.blobs.put(content)
        assert [path.name for path in files(data / BLOBS)] == [digest]
        shutil.copytree(data, data.parent / "copy")
    store.close()
    again = opened(data.parent / "copy")
    assert again.table("thing", Thing).count("p") == 0
    assert files(data.parent / "copy" / BLOBS) == []
    again.close()


def test_death_after_ids_were_written_down(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between ids and state: the state is the old one, and the ids are behind all that could have been told."""
    store = opened(data)
    release: Callable[[], None] = store.database.release

    def die_first() -> None:
        shutil.copytree(data, data.parent / "copy")
        release()

    monkeypatch.setattr(store.database, "release", die_first)
    with store.transaction():
        store.table("thing", Thing).insert("p", "a", Thing(1))
        taken = store._ids.platform_id(), store._ids.number("item", "1")
    store.close()
    again = opened(data.parent / "copy")
    assert again.table("thing", Thing).count("p") == 0
    assert again._ids.platform_id() > taken[0]
    assert again._ids.number("item", "1") == taken[1] + 1
    again.close()


def test_death_while_a_body_arrives(data: Path) -> None:
    """What had come of it is removed."""
    store = opened(data)
    spool = store.blobs.spool()
    spool.write(b"x" * LARGE * 2)
    assert len(files(data / INCOMING)) == 1
    shutil.copytree(data, data.parent / "copy")
    spool.discard()
    store.close()
    again = opened(data.parent / "copy")
    assert files(data.parent / "copy" / INCOMING) == []
    again.close()


def test_ids_that_could_not_be_written_down(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is: the transaction fails as a whole, and the next one writes them down."""
    store = opened(data)
    assert store._directory is not None
    things = store.table("thing", Thing)

    def full(*_: object) -> None:
        message = "disk full"
        raise OSError(message)

    def insert(identifier: str) -> int:
        with store.transaction():
            things.insert("p", identifier, Thing(1))
            return store._ids.number("item", "1")

    with monkeypatch.context() as patch:
        patch.setattr(store._directory.kept, "_write", full)
        with pytest.raises(OSError, match="disk full"):
            insert("a")
        assert things.count("p") == 0
        assert store.database.depth == 0
    with store.transaction():
        things.insert("p", "b", Thing(1))
    shutil.copytree(data, data.parent / "copy")
    store.close()
    again = opened(data.parent / "copy")
    assert (again.table("thing", Thing).count("p"), again._ids.number("item", "1")) == (1, 2)
    again.close()


def test_lost_content(data: Path) -> None:
    """A file that somebody removed is named, with what to do; putting the content again heals it."""
    store = opened(data)
    with store.transaction():
        digest, _ = store.blobs.put(b"small")
    (lost,) = files(data / BLOBS)
    lost.unlink()
    with pytest.raises(LostContentError, match=rf"{digest} is gone.* put the file back"):
        store.blobs.read(digest)
    with store.transaction():
        store.blobs.put(b"small")
    assert store.blobs.read(digest) == b"small"
    store.close()


def test_too_late(data: Path) -> None:
    """A large body that comes after the end is refused: the directory may be another's by then."""
    store = opened(data)
    store.close()
    store.close()
    spool = store.blobs.spool()
    with pytest.raises(RuntimeError, match="closed"):
        spool.write(b"x" * LARGE * 2)
    assert files(data / INCOMING) == []


def test_open_contents_outlive_their_blobs(data: Path) -> None:
    """A download goes on while the file is deleted."""
    store = opened(data)
    with store.transaction():
        digest, _ = store.blobs.put(b"content")
    with store.blobs.open(digest) as stream:
        assert stream.read(1) == b"c"
        with store.transaction():
            store.blobs.release(digest)
        assert files(data / BLOBS) == []
        assert stream.read() == b"ontent"
    store.close()
