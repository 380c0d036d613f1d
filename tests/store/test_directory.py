"""A data directory: for one Platform at a time, readable by nobody else, and refused when it is none of ours."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.clock import Clock
from abeja_emulator.ids import Ids
from abeja_emulator.store.database import VERSION
from abeja_emulator.store.directory import LOCK, SAVED, DataDirectory, DataInUseError
from abeja_emulator.store.files import DataError
from abeja_emulator.store.store import Store
from tests.store.conftest import Thing
from tests.store.process import forks, in_child

if TYPE_CHECKING:
    from pathlib import Path

#: Opens a directory, says so, and stays.
HOLDER = """
import sys
from abeja_emulator.clock import Clock
from abeja_emulator.store.directory import DataDirectory

directory = DataDirectory(sys.argv[1], Clock())
print("open", flush=True)
sys.stdin.read()
"""


def opened(folder: Path) -> Store:
    """Open the store of a directory."""
    return Store(Ids(), DataDirectory(folder, Clock()))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A directory that does not exist yet, nor the one it is in."""
    return tmp_path / "above" / "data"


class TestLock:
    """One Platform at a time."""

    def test_in_this_process(self, data: Path) -> None:
        """A second one is refused while the first is open, and does not disturb it."""
        first = opened(data)
        with pytest.raises(DataInUseError, match="in use by this process") as refusal:
            opened(data)
        assert str(data) in str(refusal.value)
        with first.transaction():
            first.table("thing", Thing).insert("p", "a", Thing(1))
        first.close()
        again = opened(data)
        assert again.table("thing", Thing).slice("p") == [Thing(1)]
        again.close()

    def test_in_another_process(self, data: Path) -> None:
        """The refusal names the process and the directory; when that process is killed, it is free."""
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "open\n"
            with pytest.raises(
                DataInUseError, match=rf"data is in use by process {holder.pid}: .*close that one first"
            ):
                opened(data)
            holder.send_signal(signal.SIGKILL)
            holder.wait()
        opened(data).close()

    @forks
    def test_forked_child_does_not_hold_it(self, data: Path) -> None:
        """A child that outlives its parent would keep everybody out; nor does its closing let anybody in."""
        store = opened(data)
        ours, theirs = os.pipe()
        child = os.fork()
        if not child:
            os.close(theirs)
            os.read(ours, 1)
            os._exit(0)
        os.close(ours)
        try:

            def close() -> str:
                store.close()
                return "closed"

            assert in_child(close) == "closed"
            with pytest.raises(DataInUseError):
                opened(data)
            store.close()
            opened(data).close()
        finally:
            os.close(theirs)
            os.waitpid(child, 0)

    def test_refused_for_another_reason(self, data: Path) -> None:
        """What cannot be opened is not held."""
        opened(data).close()
        (data / "state.db").write_bytes(b"no database at all, but long enough to be taken for one" * 20)
        for _ in range(2):
            with pytest.raises(DataError, match=r"state\.db is damaged"):
                opened(data)


class TestOurs:
    """What is taken for a data directory."""

    def test_other_things(self, data: Path) -> None:
        """A folder with something else in it is refused and left as it is."""
        data.mkdir(parents=True)
        (data / "thesis.txt").write_text("years of work")
        with pytest.raises(DataError, match=r"holds other things \(thesis\.txt\)"):
            opened(data)
        assert [path.name for path in data.iterdir()] == ["thesis.txt"]

    def test_file(self, tmp_path: Path) -> None:
        """So is a file."""
        (tmp_path / "file").write_text("x")
        with pytest.raises(DataError, match="is a file"):
            opened(tmp_path / "file")

    def test_empty(self, data: Path) -> None:
        """An empty folder will do."""
        data.mkdir(parents=True)
        opened(data).close()

    @pytest.mark.parametrize("name", ["state.db", "kept.db"])
    def test_other_version(self, data: Path, name: str) -> None:
        """Data of another version is refused, and named, and not changed."""
        opened(data).close()
        with closing(sqlite3.connect(data / name)) as connection:
            connection.execute("PRAGMA user_version = 99")
        before = (data / name).read_bytes()
        with pytest.raises(
            DataError, match=rf"{name} was made by another version .* 99 and this one reads version {VERSION}"
        ):
            opened(data)
        assert (data / name).read_bytes() == before

    def test_died_at_its_beginning(self, data: Path) -> None:
        """A directory that was only begun is gone on with."""
        data.mkdir(parents=True)
        (data / LOCK).touch()
        (data / "state.db").touch()
        opened(data).close()

    def test_unfinished_snapshot(self, data: Path) -> None:
        """What was half saved when a process died is removed."""
        half = data / SAVED / "name" / ".new-0123"
        opened(data).close()
        half.mkdir(parents=True)
        (half / "records.db").touch()
        opened(data).close()
        assert not half.exists()

    def test_files_of_other_programs(self, data: Path) -> None:
        """What a file manager leaves among the content does no harm."""
        store = opened(data)
        with store.transaction():
            digest, _ = store.blobs.put(b"content")
        store.close()
        for folder in (data / "blobs", data / "blobs" / digest[:2]):
            (folder / ".DS_Store").touch()
        again = opened(data)
        assert again.blobs.read(digest) == b"content"
        again.close()


def test_mode(data: Path) -> None:
    """Nobody else on the machine can read any of it, while it is open and afterwards."""
    store = opened(data)
    with store.transaction():
        store.blobs.put(b"content")
        store.table("thing", Thing).insert("p", "a", Thing(1))
    for _ in range(2):
        found = [data, *data.rglob("*")]
        assert {path.name for path in found} >= {"data", "state.db", "kept.db", LOCK, "blobs"}
        assert [path for path in found if path.stat().st_mode & 0o077] == []
        store.close()


def test_records_are_there(data: Path) -> None:
    """They are in the file, for any tool to look at, also while it is open."""
    store = opened(data)
    with store.transaction():
        store.table("thing", Thing).insert("p", "a", Thing(1))
    look = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT kind, id FROM records').fetchall())"
    shown = subprocess.run(
        [sys.executable, "-c", look, str(data / "state.db")], check=True, capture_output=True, text=True
    )
    assert shown.stdout == "[('thing', 'a')]\n"
    store.close()
