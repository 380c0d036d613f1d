"""Bytes by their content, in memory and on disk."""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyfakefs.fake_filesystem_unittest import Patcher

from abeja_emulator.ids import Ids
from abeja_emulator.store.blobs import SpooledFile
from abeja_emulator.store.shelves import MemoryShelf
from abeja_emulator.store.store import Store
from tests.platform_calls import LARGE
from tests.store.process import forks, in_child

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.wire.messages import Body

#: Fixtures that any number of examples may share.
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

CONTENT = bytes(range(LARGE * 3))


def spooled(store: Store, content: bytes, piece: int = 7) -> Body:
    """Return a body that arrived in pieces."""
    spool = store.blobs.spool()
    for start in range(0, len(content), piece):
        assert spool.write(content[start : start + piece]) == len(content[start : start + piece])
    body, size = spool.finish()
    assert size == len(content)
    return body


def kept(store: Store, content: bytes) -> str:
    """Put a body the way a call does, which closes it afterwards, and return its digest."""
    body = spooled(store, content)
    with store.transaction():
        digest, size = store.blobs.put(body)
    if not isinstance(body, bytes):
        body.close()
    assert size == len(content)
    return digest


def release(store: Store, digest: str) -> None:
    """End one use."""
    with store.transaction():
        store.blobs.release(digest)


def files(disk: Path) -> list[Path]:
    """Return every file on the disk."""
    return [path for path in disk.rglob("*") if path.is_file()]


class TestSpool:
    """A body while it arrives."""

    @SHARED
    @given(pieces=st.lists(st.binary(max_size=LARGE), max_size=6))
    def test_what_arrives_is_what_was_sent(self, store: Store, pieces: list[bytes]) -> None:
        """In whatever pieces; a body larger than the limit is on disk, any other is not."""
        spool = store.blobs.spool()
        for piece in pieces:
            spool.write(piece)
        body, size = spool.finish()
        whole = b"".join(pieces)
        assert size == len(whole)
        assert isinstance(body, SpooledFile) == (len(whole) > LARGE)
        if isinstance(body, bytes):
            assert body == whole
        else:
            with body:
                assert body.read() == whole

    def test_discarded(self, store: Store, disk: Path) -> None:
        """A request that never became whole leaves no file."""
        spool = store.blobs.spool()
        spool.write(CONTENT)
        assert len(files(disk)) == 1
        spool.discard()
        spool.discard()
        assert files(disk) == []

    def test_discarded_after_it_was_finished(self, store: Store, disk: Path) -> None:
        """Then the body belongs to its reader, and discarding touches neither it nor any other file."""
        spool = store.blobs.spool()
        spool.write(CONTENT)
        body, _ = spool.finish()
        assert isinstance(body, SpooledFile)
        spool.discard()
        with body:
            assert body.read() == CONTENT
        assert files(disk) == []

    def test_refused(self, store: Store, disk: Path) -> None:
        """A body that nobody keeps goes when it is closed."""
        body = spooled(store, CONTENT)
        assert isinstance(body, SpooledFile)
        assert len(files(disk)) == 1
        body.close()
        body.close()
        assert files(disk) == []

    def test_many_threads(self, store: Store, disk: Path) -> None:
        """Bodies that arrive at once go to files of their own, in one folder."""
        barrier = threading.Barrier(8)
        bodies: list[Body] = []

        def arrive(number: int) -> None:
            barrier.wait()
            bodies.append(spooled(store, bytes([number]) * 2 * LARGE))

        threads = [threading.Thread(target=arrive, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(list(disk.iterdir())) == 1
        assert len(files(disk)) == 8
        contents = set()
        for body in bodies:
            assert isinstance(body, SpooledFile)
            with body:
                contents.add(body.read())
        assert contents == {bytes([number]) * 2 * LARGE for number in range(8)}


class TestReader:
    """Reading a file of the real disk."""

    @SHARED
    @given(
        steps=st.lists(
            st.one_of(
                st.tuples(st.just("read"), st.integers(-1, LARGE * 4)),
                st.tuples(st.sampled_from(["set", "current", "end"]), st.integers(-LARGE * 4, LARGE * 4)),
            ),
            max_size=8,
        )
    )
    def test_like_bytes_in_memory(self, store: Store, steps: list[tuple[str, int]]) -> None:
        """It reads and seeks as `io.BytesIO` does."""
        ours, theirs = store.blobs.open(kept(store, CONTENT)), io.BytesIO(CONTENT)
        with ours:
            for step, number in steps:
                if step == "read":
                    assert ours.read(number) == theirs.read(number)
                    continue
                whence = {"set": 0, "current": theirs.tell(), "end": len(CONTENT)}[step]
                target = max(0, whence + number)
                assert ours.seek(target) == theirs.seek(target)
                assert ours.tell() == theirs.tell()

    def test_relative_seeks(self, store: Store) -> None:
        """From the current position and from the end."""
        with store.blobs.open(kept(store, CONTENT)) as stream:
            assert stream.seek(-4, io.SEEK_END) == len(CONTENT) - 4
            assert stream.read(2) == CONTENT[-4:-2]
            assert stream.seek(-2, io.SEEK_CUR) == len(CONTENT) - 4
            assert stream.read() == CONTENT[-4:]

    def test_readers_do_not_disturb_each_other(self, store: Store) -> None:
        """Each has a position of its own."""
        digest = kept(store, CONTENT)
        with store.blobs.open(digest) as one, store.blobs.open(digest) as other:
            assert one.read(10) == CONTENT[:10]
            assert other.read(10) == CONTENT[:10]
            assert one.read() == CONTENT[10:]


class TestKeeping:
    """What is kept where, and for how long."""

    def test_small_in_memory_large_on_disk(self, store: Store, disk: Path) -> None:
        """Either is read back whole."""
        small, large = kept(store, b"small"), kept(store, CONTENT)
        assert store.blobs.size == len(b"small")
        assert [path.read_bytes() for path in files(disk)] == [CONTENT]
        assert (store.blobs.read(small), store.blobs.read(large)) == (b"small", CONTENT)
        assert store.blobs.content(small) == b"small"

    def test_stream_of_somebody_else(self, store: Store) -> None:
        """Any stream may be put, not only one that was spooled."""
        with store.transaction():
            digest, size = store.blobs.put(io.BytesIO(CONTENT))
        assert (store.blobs.read(digest), size) == (CONTENT, len(CONTENT))

    @pytest.mark.parametrize("content", [b"small", CONTENT], ids=["memory", "disk"])
    def test_kept_until_the_last_use_ends(self, store: Store, disk: Path, content: bytes) -> None:
        """The same content is there once, however often it is put."""
        digest = kept(store, content)
        assert kept(store, content) == digest
        assert store.blobs.size + sum(path.stat().st_size for path in files(disk)) == len(content)
        release(store, digest)
        assert store.blobs.read(digest) == content
        release(store, digest)
        assert (store.blobs.size, files(disk)) == (0, [])

    @pytest.mark.parametrize("content", [b"small", CONTENT], ids=["memory", "disk"])
    def test_gone_when_the_call_is_refused(self, store: Store, disk: Path, content: bytes) -> None:
        """Content that was put before an error is not kept."""
        body = spooled(store, content)

        def refuse() -> None:
            with store.transaction():
                store.blobs.put(body)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            refuse()
        if not isinstance(body, bytes):
            body.close()
        assert (store.blobs.size, files(disk)) == (0, [])

    @pytest.mark.parametrize("content", [b"small", CONTENT], ids=["memory", "disk"])
    def test_released_in_an_inner_transaction(self, store: Store, content: bytes) -> None:
        """What the outer transaction undoes is readable again."""
        digest = kept(store, content)

        def refuse() -> None:
            with store.transaction():
                release(store, digest)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            refuse()
        assert store.blobs.read(digest) == content

    def test_overwriting(self, store: Store, disk: Path) -> None:
        """A record that is written again and again holds one content, also within a snapshot."""
        snapshot = store.snapshot()
        digest = kept(store, b"0" * LARGE)
        for number in range(200):
            with store.transaction():
                store.blobs.release(digest)
                digest, _ = store.blobs.put(number.to_bytes(1, "big") * LARGE)
            assert store.blobs.size == LARGE
        snapshot.rollback()
        assert (store.blobs.size, files(disk)) == (0, [])

    def test_opened_content_outlives_its_blob(self, store: Store, disk: Path) -> None:
        """A download goes on while the file is deleted, and while the Platform is closed."""
        small, large = kept(store, b"small"), kept(store, CONTENT)
        with store.blobs.open(small) as first, store.blobs.open(large) as second:
            assert second.read(1) == CONTENT[:1]
            release(store, small)
            release(store, large)
            store.close()
            assert list(disk.iterdir()) == []
            assert first.read() == b"small"
            assert second.read() == CONTENT[1:]


class TestClosing:
    """Nothing stays on disk."""

    def test_nothing_is_left(self, store: Store, disk: Path) -> None:
        """Neither what is kept, nor what is arriving, nor what has arrived; and these may end later."""
        kept(store, CONTENT)
        arriving = store.blobs.spool()
        arriving.write(CONTENT)
        arrived = spooled(store, CONTENT)
        assert isinstance(arrived, SpooledFile)
        store.close()
        assert list(disk.iterdir()) == []
        arriving.discard()
        arrived.close()
        store.close()

    def test_too_late(self, store: Store, disk: Path) -> None:
        """A large body that comes after the end is refused: nobody would remove it."""
        store.close()
        spool = store.blobs.spool()
        with pytest.raises(RuntimeError, match="closed"):
            spool.write(CONTENT)
        assert list(disk.iterdir()) == []

    @forks
    def test_forked_child_leaves_the_files_of_its_parent(self, store: Store, disk: Path) -> None:
        """Whatever it closes."""
        digest = kept(store, CONTENT)
        arrived = spooled(store, b"x" * LARGE * 2)
        assert isinstance(arrived, SpooledFile)

        def close_all() -> str:
            arrived.close()
            store.close()
            return "closed"

        assert in_child(close_all) == "closed"
        assert store.blobs.read(digest) == CONTENT
        assert len(files(disk)) == 2
        arrived.close()

    def test_mode(self, store: Store, disk: Path) -> None:
        """Nobody else on the machine can read it."""
        kept(store, CONTENT)
        for path in disk.rglob("*"):
            assert path.stat().st_mode & 0o077 == 0


def test_under_pyfakefs(disk: Path) -> None:
    """Large content of a test that fakes the file system goes to the real disk, and goes from there."""
    with Patcher() as fake:
        fake_fs = fake.fs
        assert fake_fs is not None
        store = Store(Ids())
        digest = kept(store, CONTENT)
        assert store.blobs.read(digest) == CONTENT
        shelf = store.blobs._shelf
        assert isinstance(shelf, MemoryShelf)
        folder = shelf._folder
        assert folder is not None
        assert not os.path.exists(folder)  # noqa: PTH110 - the faked one
        fake_fs.pause()
        there = [path.read_bytes() for path in files(type(disk)(folder))]
        fake_fs.resume()
        store.close()
    assert there == [CONTENT]
    assert not type(disk)(folder).exists()
