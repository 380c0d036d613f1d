"""Bytes by their content, counted by use."""

from __future__ import annotations

import hashlib
import io
import os
from typing import TYPE_CHECKING, BinaryIO, Callable

from abeja_emulator.store.disk import Disk
from abeja_emulator.store.shelves import FileReader, FolderShelf, MemoryShelf, put_into

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abeja_emulator.store.database import Database
    from abeja_emulator.store.shelves import Shelf
    from abeja_emulator.wire.messages import Body

#: A body larger than this many bytes goes to the disk while it arrives.
SPILL = 8 * 1024 * 1024

#: Content of a file up to this many bytes is answered as bytes, which travel with the head of the answer.
WHOLE = 1024 * 1024


class BlobSpool:
    """A body while it arrives: memory first, a file once it is larger than `SPILL`."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._pieces: list[bytes] = []
        self._size = 0
        self._path: str | None = None
        self._descriptor = -1

    def write(self, data: bytes) -> int:
        """Append bytes and return how many."""
        self._size += len(data)
        if self._path is not None:
            self._write_out(data)
        else:
            self._pieces.append(bytes(data))
            if self._size > SPILL:
                self._path, self._descriptor = self._blobs.new_file()
                for piece in self._pieces:
                    self._write_out(piece)
                self._pieces.clear()
        return len(data)

    def finish(self) -> tuple[Body, int]:
        """Return the body, readable from its start, and its length in bytes."""
        path, self._path = self._path, None
        if path is None:
            return b"".join(self._pieces), self._size
        Disk.close(self._descriptor)
        return SpooledFile(FileReader(path, self._size)), self._size

    def discard(self) -> None:
        """Forget what was written: the request never became whole. A finished body is its reader's."""
        self._pieces.clear()
        if self._path is not None:
            Disk.close(self._descriptor)
            Disk.remove(self._path)
            self._path = None

    def _write_out(self, data: bytes) -> None:
        Disk.write_all(self._descriptor, data)


class SpooledFile(io.BufferedReader):
    """A large body that arrived; the file goes when it is closed, unless a blob has taken it over."""

    def __init__(self, reader: FileReader) -> None:
        super().__init__(reader, buffer_size=64 * 1024)
        self.path = reader.path
        self.size = reader.size
        self._kept = False
        self._pid = os.getpid()

    def keep(self) -> str:
        """Take the file over: closing leaves it where it is. Return its path."""
        self._kept = True
        return self.path

    def close(self) -> None:
        """Close the body, and remove the file when nobody took it over; a forked child leaves its parent's."""
        was_open = not self.closed
        super().close()
        if was_open and not self._kept and os.getpid() == self._pid:
            Disk.remove(self.path)


class Blobs:
    """Content by its SHA-256, counted by use; kept as long as any state that can return needs it.

    Uses are counted in the database, so a rollback restores them. The bytes themselves go when no
    record uses them and no open snapshot is older than they are.

    Args:
        database: where uses are counted.
        shelf: where the bytes are; in memory, and what is large in a temporary folder, by default.
    """

    def __init__(self, database: Database, shelf: Shelf | None = None) -> None:
        self._database = database
        self._shelf: Shelf = MemoryShelf(SPILL) if shelf is None else shelf
        # How many snapshots were open when content came; what is in none came when none was.
        self._born: dict[str, int] = {}
        self._touched: set[str] = set()
        self._protected: set[str] = set()
        self._snapshots = 0
        self._pid = os.getpid()

    def spool(self) -> BlobSpool:
        """Return a fresh place for the body of one request."""
        return BlobSpool(self)

    def new_file(self) -> tuple[str, int]:
        """Create an empty file of our own; return its path and an open descriptor.

        Bodies arrive in several threads at once, and the store is not held meanwhile.

        Raises:
            RuntimeError: when this was closed; nobody would remove the file.
        """
        return self._shelf.new_file()

    def put(self, body: Body) -> tuple[str, int]:
        """Keep the content of `body`, once more in use; return its digest and its size in bytes."""
        if not isinstance(body, (bytes, SpooledFile)):
            body = body.read()
        if isinstance(body, bytes):
            digest, size = hashlib.sha256(body).hexdigest(), len(body)
        else:
            digest, size = _digest_of(body), body.size
        if not self._shelf.has(digest):
            self._shelf.keep(digest, body)
            self._note_birth(digest)
        self._touched.add(digest)
        self._database.execute(
            "INSERT INTO blobs VALUES (?, ?, 1) ON CONFLICT (digest) DO UPDATE SET uses = uses + 1",
            (digest, size),
        )
        return digest, size

    def release(self, digest: str) -> None:
        """Say that one use of that content has ended."""
        self._touched.add(digest)
        self._database.execute("UPDATE blobs SET uses = uses - 1 WHERE digest = ?", (digest,))
        self._database.execute("DELETE FROM blobs WHERE digest = ? AND uses <= 0", (digest,))

    def open(self, digest: str) -> BinaryIO:
        """Return the content as a stream of its own, readable even when the blob is removed meanwhile."""
        place = self._shelf.place(digest)
        if isinstance(place, bytes):
            return io.BytesIO(place)
        return io.BufferedReader(FileReader(place, self._size_of(digest)), buffer_size=256 * 1024)

    def content(self, digest: str) -> Body:
        """Return content in memory as it is, without a copy, and large content on disk as a stream."""
        place = self._shelf.place(digest)
        if isinstance(place, bytes):
            return place
        return Disk.content(place) if self._size_of(digest) <= WHOLE else self.open(digest)

    def read(self, digest: str) -> bytes:
        """Return the content as bytes."""
        content = self.content(digest)
        if isinstance(content, bytes):
            return content
        with content:
            return content.read()

    def sweep(self) -> None:
        """Drop content that was touched, is used by no record, and that no open snapshot can bring back."""
        touched, self._touched = self._touched, set()
        for digest in touched:
            if self._born.get(digest, 0) >= self._snapshots:
                self._drop_unused(digest)
            else:
                self._protected.add(digest)

    def enter_snapshot(self) -> None:
        """Count one more snapshot: content there now must survive until it is left."""
        self._snapshots += 1

    def leave_snapshot(self) -> None:
        """Count one snapshot less, after the database was rolled back or released, and drop what is unused."""
        self._snapshots -= 1
        if self._born:
            younger = [digest for digest, born in self._born.items() if born > self._snapshots]
            for digest in younger:
                self._note_birth(digest)
            self._touched.update(younger)
        self._touched |= self._protected
        self._protected.clear()
        self.sweep()

    def save(self, folder: str) -> None:
        """Put all content in use into a folder of content; the caller holds the database."""
        for digest, _ in self._in_use():
            put_into(folder, digest, self._shelf.place(digest))

    def load(self, records: Iterable[tuple[str, int, int]], path_of: Callable[[str], str]) -> None:
        """Put other content in the place of all that is in use; the caller holds a transaction.

        Args:
            records: digest, size and number of uses of each.
            path_of: returns the path of the file with the content of a digest.
        """
        self._touched.update(digest for digest, _ in self._in_use())
        self._database.execute("DELETE FROM blobs")
        for digest, size, uses in records:
            if not self._shelf.has(digest):
                self._shelf.adopt(digest, path_of(digest), size)
                self._note_birth(digest)
            self._touched.add(digest)
            self._database.execute("INSERT INTO blobs VALUES (?, ?, ?)", (digest, size, uses))

    def drop_orphans(self) -> None:
        """Remove what a process that died has left: content of no record."""
        if isinstance(self._shelf, FolderShelf):
            for digest in self._shelf.digests():
                self._drop_unused(digest)

    @property
    def size(self) -> int:
        """Bytes kept in memory at present."""
        return self._shelf.size

    def close(self) -> None:
        """Forget everything that is not kept in a data directory; a forked child leaves its parent's alone."""
        if os.getpid() == self._pid:
            self._born.clear()
            self._shelf.close()

    def _in_use(self) -> list[tuple[str, int]]:
        return self._database.execute("SELECT digest, size FROM blobs").fetchall()

    def _size_of(self, digest: str) -> int:
        row = self._database.execute("SELECT size FROM blobs WHERE digest = ?", (digest,)).fetchone()
        return int(row[0])

    def _note_birth(self, digest: str) -> None:
        if self._snapshots:
            self._born[digest] = self._snapshots
        else:
            self._born.pop(digest, None)

    def _drop_unused(self, digest: str) -> None:
        if not self._database.execute("SELECT 1 FROM blobs WHERE digest = ?", (digest,)).fetchone():
            self._born.pop(digest, None)
            self._shelf.drop(digest)


def _digest_of(stream: SpooledFile) -> str:
    digest = hashlib.sha256()
    stream.seek(0)
    while piece := stream.read(1024 * 1024):
        digest.update(piece)
    stream.seek(0)
    return digest.hexdigest()
