"""Bytes by their content: in memory while small, in a folder when large."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import secrets
import tempfile
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from abeja_emulator.store.database import Database
    from abeja_emulator.wire.messages import Body

#: A body larger than this many bytes goes to the disk while it arrives.
SPILL = 8 * 1024 * 1024


class _Disk:
    """The file functions of the system as they were before any test patched them.

    pyfakefs replaces `os` and functions imported from it in every loaded module; what the emulator
    keeps must stay on the real disk, or a test that fakes the file system would swallow it.
    Attributes of a class are out of its reach, as long as they call nothing but the system:
    `tempfile.mkdtemp` and `shutil.rmtree` would find a faked `os` in their own modules.
    """

    open = staticmethod(os.open)
    read = staticmethod(os.pread)
    write = staticmethod(os.write)
    close = staticmethod(os.close)
    unlink = staticmethod(os.unlink)
    mkdir = staticmethod(os.mkdir)
    rmdir = staticmethod(os.rmdir)
    names = staticmethod(os.listdir)
    join = staticmethod(os.path.join)

    @classmethod
    def make_folder(cls) -> str:
        """Create a folder that nobody else can read, and return its path."""
        path = cls.join(tempfile.gettempdir(), f"abeja-emulator-{secrets.token_hex(8)}")
        cls.mkdir(path, 0o700)
        return path

    @classmethod
    def remove_folder(cls, path: str) -> None:
        """Remove a folder of ours and the files in it; one that is gone is as good."""
        with suppress(FileNotFoundError):
            for name in cls.names(path):
                cls.remove(cls.join(path, name))
            cls.rmdir(path)

    @classmethod
    def remove(cls, path: str) -> None:
        """Remove a file; it may have gone with its folder."""
        with suppress(FileNotFoundError):
            cls.unlink(path)


class FileReader(io.RawIOBase):
    """A file of the real disk, read by position, so that readers never disturb each other."""

    def __init__(self, path: str, size: int) -> None:
        super().__init__()
        self.path = path
        self.size = size
        self._position = 0
        self._descriptor = _Disk.open(path, os.O_RDONLY)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` from the current position and return how many bytes were read."""
        data = _Disk.read(self._descriptor, len(buffer), self._position)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            _Disk.close(self._descriptor)
        super().close()


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
        _Disk.close(self._descriptor)
        return SpooledFile(FileReader(path, self._size)), self._size

    def discard(self) -> None:
        """Forget what was written: the request never became whole. A finished body is its reader's."""
        self._pieces.clear()
        if self._path is not None:
            _Disk.close(self._descriptor)
            _Disk.remove(self._path)
            self._path = None

    def _write_out(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[_Disk.write(self._descriptor, view) :]


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
            _Disk.remove(self.path)


class Blobs:
    """Content by its SHA-256, counted by use; kept as long as any state that can return needs it.

    Uses are counted in the database, so a rollback restores them. The bytes themselves go when no
    record uses them and no open snapshot is older than they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._content: dict[str, bytes | str] = {}
        self._born: dict[str, int] = {}
        self._touched: set[str] = set()
        self._protected: set[str] = set()
        self._snapshots = 0
        self._folder: str | None = None
        self._pid = os.getpid()
        self._files = itertools.count(1)
        self._lock = Lock()
        self._closed = False

    def spool(self) -> BlobSpool:
        """Return a fresh place for the body of one request."""
        return BlobSpool(self)

    def new_file(self) -> tuple[str, int]:
        """Create an empty file of our own; return its path and an open descriptor.

        Bodies arrive in several threads at once, and the store is not held meanwhile.

        Raises:
            RuntimeError: when this was closed; nobody would remove the file.
        """
        with self._lock:
            if self._closed:
                message = "a large body arrived for a Platform that is closed; keep the Platform open for its clients"
                raise RuntimeError(message)
            if self._folder is None:
                self._folder = _Disk.make_folder()
            path = _Disk.join(self._folder, f"{next(self._files):08d}")
        return path, _Disk.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)

    def put(self, body: Body) -> tuple[str, int]:
        """Keep the content of `body`, once more in use; return its digest and its size in bytes."""
        if not isinstance(body, (bytes, SpooledFile)):
            body = body.read()
        if isinstance(body, bytes):
            digest, size = hashlib.sha256(body).hexdigest(), len(body)
        else:
            digest, size = _digest_of(body), body.size
        if digest not in self._content:
            self._content[digest] = body if isinstance(body, bytes) else body.keep()
            self._born[digest] = self._snapshots
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
        content = self._content[digest]
        if isinstance(content, bytes):
            return io.BytesIO(content)
        row = self._database.execute("SELECT size FROM blobs WHERE digest = ?", (digest,)).fetchone()
        return io.BufferedReader(FileReader(content, row[0]), buffer_size=256 * 1024)

    def content(self, digest: str) -> Body:
        """Return content in memory as it is, without a copy, and content on disk as a stream."""
        content = self._content[digest]
        return content if isinstance(content, bytes) else self.open(digest)

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
            if digest in self._content:
                if self._born[digest] >= self._snapshots:
                    self._drop_unused(digest)
                else:
                    self._protected.add(digest)

    def enter_snapshot(self) -> None:
        """Count one more snapshot: content there now must survive until it is left."""
        self._snapshots += 1

    def leave_snapshot(self) -> None:
        """Count one snapshot less, after the database was rolled back or released, and drop what is unused."""
        self._snapshots -= 1
        for digest, born in self._born.items():
            if born > self._snapshots:
                self._born[digest] = self._snapshots
                self._protected.add(digest)
        self._touched |= self._protected
        self._protected.clear()
        self.sweep()

    @property
    def size(self) -> int:
        """Bytes kept in memory at present."""
        return sum(len(content) for content in self._content.values() if isinstance(content, bytes))

    def close(self) -> None:
        """Forget everything and remove the folder; a forked child leaves its parent's alone."""
        if os.getpid() != self._pid:
            return
        self._content.clear()
        self._born.clear()
        with self._lock:
            self._closed = True
            if self._folder is not None:
                _Disk.remove_folder(self._folder)
            self._folder = None

    def _drop_unused(self, digest: str) -> None:
        if self._database.execute("SELECT 1 FROM blobs WHERE digest = ?", (digest,)).fetchone():
            return
        content = self._content.pop(digest)
        del self._born[digest]
        if isinstance(content, str):
            _Disk.remove(content)


def _digest_of(stream: SpooledFile) -> str:
    digest = hashlib.sha256()
    stream.seek(0)
    while piece := stream.read(1024 * 1024):
        digest.update(piece)
    stream.seek(0)
    return digest.hexdigest()
