"""Records and blobs, changed together, restored together: compared with a plain model, step by step."""

from __future__ import annotations

import copy
import datetime
import sqlite3
import tempfile
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from abeja_emulator.ids import Ids
from abeja_emulator.store.blobs import SpooledFile
from abeja_emulator.store.saved import SavedSnapshots, UnknownSnapshotError
from abeja_emulator.store.store import SnapshotOrderError, Store
from tests.platform_calls import LARGE
from tests.store.conftest import Thing

PARENTS = st.sampled_from(["p", "q"])
IDS = st.sampled_from(["a", "b", "c"])
NAMES = st.sampled_from(["one", "two"])
NOW = datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc)
CONTENTS = st.sampled_from([b"", b"small", b"other", b"large" * LARGE, b"larger" * LARGE])


@dataclass
class Model:
    """The state as plain dictionaries: records with their places by parent and id, and how often content is used."""

    records: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    uses: Counter[bytes] = field(default_factory=Counter)


class StoreMachine(RuleBasedStateMachine):
    """Does things to a store and to the model, and compares."""

    def __init__(self) -> None:
        super().__init__()
        self.folder, self.elsewhere = tempfile.TemporaryDirectory(), tempfile.TemporaryDirectory()
        self.patches = ExitStack()
        self.patches.enter_context(mock.patch("abeja_emulator.store.blobs.SPILL", LARGE))
        self.patches.enter_context(mock.patch.object(tempfile, "tempdir", self.folder.name))
        self.saved = SavedSnapshots(self.elsewhere.name)
        self.saved_models: dict[str, Model] = {}
        self.open()
        self.model = Model()
        self.snapshots = [(self.store.snapshot(), copy.deepcopy(self.model))]
        self.digests: dict[bytes, str] = {}
        self.last = (0, "")

    def open(self) -> None:
        """Open the store."""
        self.ids = Ids()
        self.store = self.new_store()
        self.things = self.store.table("thing", Thing)

    def new_store(self) -> Store:
        """Return a store."""
        return Store(self.ids)

    def teardown(self) -> None:
        """Close everything, and see that nothing is left."""
        self.store.close()
        left = self.files()
        self.patches.close()
        self.folder.cleanup()
        self.elsewhere.cleanup()
        assert left == []

    def files(self) -> list[str]:
        """Return the names of the files of content on disk."""
        return [path.name for path in Path(self.folder.name).rglob("*") if path.is_file()]

    def _insert(self, parent: str, identifier: str, value: int) -> None:
        if (parent, identifier) in self.model.records:
            with pytest.raises(sqlite3.IntegrityError), self.store.transaction():
                self.things.insert(parent, identifier, Thing(value))
            return
        with self.store.transaction():
            self.things.insert(parent, identifier, Thing(value))
            place = self.things.page(parent, newest_first=True)[0].seq
            new = (place, self.ids.platform_id())
        self.model.records[parent, identifier] = (place, value)
        assert new[0] > self.last[0], "a place came back"
        assert new[1] > self.last[1], "an id came back"
        self.last = new

    def _delete_under(self, parent: str) -> None:
        with self.store.transaction():
            self.things.delete_under(parent)
        self.model.records = {key: value for key, value in self.model.records.items() if key[0] != parent}

    def _put(self, content: bytes) -> None:
        spool = self.store.blobs.spool()
        spool.write(content)
        body, _ = spool.finish()
        with self.store.transaction():
            digest, size = self.store.blobs.put(body)
        if isinstance(body, SpooledFile):
            body.close()
        assert size == len(content)
        assert self.digests.setdefault(content, digest) == digest
        self.model.uses[content] += 1

    def _release(self, content: bytes) -> None:
        if self.model.uses[content]:
            with self.store.transaction():
                self.store.blobs.release(self.digests[content])
            self.model.uses[content] -= 1

    @rule(parent=PARENTS, identifier=IDS, value=st.integers(0, 9))
    def insert(self, parent: str, identifier: str, value: int) -> None:
        """Add a record; one that is there is refused."""
        self._insert(parent, identifier, value)

    @rule(parent=PARENTS, identifier=IDS, value=st.integers(0, 9))
    def update(self, parent: str, identifier: str, value: int) -> None:
        """Change a record, or none."""
        with self.store.transaction():
            self.things.update(parent, identifier, Thing(value))
        if (parent, identifier) in self.model.records:
            place, _ = self.model.records[parent, identifier]
            self.model.records[parent, identifier] = (place, value)

    @rule(parent=PARENTS, identifier=IDS)
    def delete(self, parent: str, identifier: str) -> None:
        """Remove a record, or none."""
        with self.store.transaction():
            self.things.delete(parent, identifier)
        self.model.records.pop((parent, identifier), None)

    @rule(parent=PARENTS)
    def delete_under(self, parent: str) -> None:
        """Remove the records of a parent."""
        self._delete_under(parent)

    @rule(content=CONTENTS)
    def put(self, content: bytes) -> None:
        """Keep content once more."""
        self._put(content)

    @rule(content=CONTENTS)
    def release(self, content: bytes) -> None:
        """End one use of content."""
        self._release(content)

    @rule(content=CONTENTS, other=CONTENTS, parent=PARENTS, identifier=IDS, depth=st.integers(1, 3))
    def fail(self, content: bytes, other: bytes, parent: str, identifier: str, depth: int) -> None:
        """Do several things in a transaction, or in nested ones, that fails: nothing of it is left."""
        before = copy.deepcopy(self.model)

        def inner(left: int) -> None:
            with self.store.transaction():
                if left:
                    inner(left - 1)
                self._put(content)
                self._release(other)
                self._insert(parent, identifier, 7)
                self._delete_under(parent)

        def outer() -> None:
            with self.store.transaction():
                inner(depth)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            outer()
        self.model = before

    @precondition(lambda self: len(self.snapshots) < 6)
    @rule()
    def snapshot(self) -> None:
        """Take a snapshot inside the ones there are."""
        self.snapshots.append((self.store.snapshot(), copy.deepcopy(self.model)))

    @precondition(lambda self: self.snapshots)
    @rule()
    def rollback(self) -> None:
        """Return to the innermost snapshot."""
        snapshot, self.model = self.snapshots.pop()
        snapshot.rollback()

    @precondition(lambda self: self.snapshots)
    @rule()
    def keep(self) -> None:
        """Leave the innermost snapshot with what came since."""
        self.snapshots.pop()[0].release()

    @rule(name=NAMES)
    def save(self, name: str) -> None:
        """Save the state, whatever snapshots are open."""
        self.saved.save(name, self.store, self.ids, NOW, "organization")
        self.saved_models[name] = copy.deepcopy(self.model)
        assert [snapshot.name for snapshot in self.saved.all()] == sorted(self.saved_models)

    @rule(name=NAMES)
    def load(self, name: str) -> None:
        """Put a saved state in the place of this one, within the snapshots that are open."""
        if name not in self.saved_models:
            with pytest.raises(UnknownSnapshotError, match=name), self.store.transaction():
                self.saved.load(name, self.store, self.ids)
            return
        with self.store.transaction():
            found = self.saved.load(name, self.store, self.ids)
        self.model = copy.deepcopy(self.saved_models[name])
        assert found.records == len(self.model.records)

    @rule(name=NAMES)
    def load_in_vain(self, name: str) -> None:
        """What loads a state and fails leaves everything as it was."""

        def fail() -> None:
            with self.store.transaction():
                self.saved.load(name, self.store, self.ids)
                raise ZeroDivisionError

        with pytest.raises((ZeroDivisionError, UnknownSnapshotError)):
            fail()

    @precondition(lambda self: len(self.snapshots) > 1)
    @rule(keep=st.booleans())
    def leave_in_the_wrong_order(self, keep: bool) -> None:
        """An outer snapshot cannot be left before an inner one, and trying changes nothing."""
        outer = self.snapshots[0][0]
        with pytest.raises(SnapshotOrderError, match="reverse order"):
            outer.release() if keep else outer.rollback()

    @invariant()
    def same_records(self) -> None:
        """Records, their order and their counts are the model's."""
        for parent in ("p", "q"):
            expected = sorted(
                (place, value) for (where, _), (place, value) in self.model.records.items() if where == parent
            )
            assert [(row.seq, row.record.value) for row in self.things.page(parent)] == expected
            assert self.things.count(parent) == len(expected)

    @invariant()
    def same_contents(self) -> None:
        """What is used is readable; what neither the state nor a snapshot uses is gone, from memory and disk."""
        wanted = self.wanted()
        for content, uses in self.model.uses.items():
            if uses:
                assert self.store.blobs.read(self.digests[content]) == content
        self.check_files(wanted)

    def wanted(self) -> set[bytes]:
        """Return all content that some state can need."""
        states = [self.model, *(state for _, state in self.snapshots)]
        return {content for state in states for content, uses in state.uses.items() if uses}

    def check_files(self, wanted: set[bytes]) -> None:
        """Check that this content, and no other, is in memory and on disk."""
        small = sum(len(content) for content in wanted if len(content) <= LARGE)
        large = sum(len(content) > LARGE for content in wanted)
        assert (self.store.blobs.size, len(self.files())) == (small, large)


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=60, stateful_step_count=40)


def test_snapshot_in_a_transaction(store: Store) -> None:
    """It would outlive the transaction it is part of; the transaction itself goes on."""
    things = store.table("thing", Thing)
    with store.transaction():
        things.insert("p", "a", Thing(1))
        with pytest.raises(SnapshotOrderError, match="inside a transaction"):
            store.snapshot()
    assert things.count("p") == 1


def test_snapshot_left_in_a_transaction(store: Store) -> None:
    """Nor can a snapshot be left in the middle of one."""
    snapshot = store.snapshot()
    with store.transaction(), pytest.raises(SnapshotOrderError):
        snapshot.rollback()
    snapshot.rollback()


def test_snapshot_left_twice(store: Store) -> None:
    """A snapshot that was left cannot be left again, or another one would be."""
    outer = store.snapshot()
    inner = store.snapshot()
    inner.release()
    with pytest.raises(SnapshotOrderError, match="left already"):
        inner.rollback()
    another = store.snapshot()
    with pytest.raises(SnapshotOrderError, match="left already"):
        inner.rollback()
    another.rollback()
    outer.rollback()


def test_after_commit(store: Store) -> None:
    """Called when the outermost transaction has ended, in order; what was undone takes its own with it."""
    said: list[str] = []
    with store.transaction():
        store.after_commit(lambda: said.append("outer"))
        with store.transaction():
            store.after_commit(lambda: said.append("inner"))
        with suppress(KeyError), store.transaction():
            store.after_commit(lambda: said.append("undone"))
            raise KeyError
        assert said == []
    assert said == ["outer", "inner"]
    with suppress(KeyError), store.transaction():
        store.after_commit(lambda: said.append("undone"))
        raise KeyError
    store.after_commit(lambda: said.append("at once"))
    assert said == ["outer", "inner", "at once"]


def test_after_commit_nobody_waits(store: Store) -> None:
    """Another thread can write meanwhile: no lock is held."""

    def write() -> None:
        with store.transaction():
            pass

    def in_a_thread() -> None:
        thread = Thread(target=write)
        thread.start()
        thread.join(20)
        assert not thread.is_alive()

    with store.transaction():
        store.after_commit(in_a_thread)
