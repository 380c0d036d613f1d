"""Where content is put: in memory while small and in a folder of our own when large, or in a data directory."""

from __future__ import annotations

import io
import os
import secrets
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Protocol, Union

from abeja_emulator.store.disk import Disk

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Content is in folders named by that many of its first digits.
_SHORT = 2

#: Content in memory, or the path of a file.
Place = Union[bytes, str]


class LostContentError(RuntimeError):
    """A file of a data directory was removed by somebody else."""


class Arrived(Protocol):
    """A body that is in a file."""

    path: str
    size: int

    def keep(self) -> str:
        """Take the file over and return its path."""


class FileReader(io.RawIOBase):
    """A file of the real disk, read by position, so that readers never disturb each other."""

    def __init__(self, path: str, size: int) -> None:
        super().__init__()
        self.path = path
        self.size = size
        self._position = 0
        self._descriptor = Disk.open(path, os.O_RDONLY)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` from the current position and return how many bytes were read."""
        data = Disk.read(self._descriptor, len(buffer), self._position)
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
            Disk.close(self._descriptor)
        super().close()


class Shelf(Protocol):
    """Holds content by its digest; who needs it is somebody else's business."""

    @property
    def size(self) -> int:
        """Bytes kept in memory at present."""

    def new_file(self) -> tuple[str, int]:
        """Create an empty file of our own for a body that arrives; return its path and an open descriptor."""

    def has(self, digest: str) -> bool:
        """Tell whether that content is there."""

    def keep(self, digest: str, body: bytes | Arrived) -> None:
        """Put content that is not there; a file is taken over."""

    def adopt(self, digest: str, path: str, size: int) -> None:
        """Put content that is not there, from a file that stays where it is and never changes."""

    def place(self, digest: str) -> Place:
        """Return content in memory, or the path of its file."""

    def drop(self, digest: str) -> None:
        """Forget content; what is gone is as good."""

    def close(self) -> None:
        """Let go of everything that does not outlive the Platform."""


class _Closing:
    """What both shelves know of their end."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._closed = False

    def _check_open(self) -> None:
        if self._closed:
            message = "a large body arrived for a Platform that is closed; keep the Platform open for its clients"
            raise RuntimeError(message)


class MemoryShelf(_Closing):
    """Memory, and a temporary folder for what is large; both go with the Platform.

    Args:
        spill: content larger than that many bytes is kept in a file.
    """

    def __init__(self, spill: int) -> None:
        super().__init__()
        self._spill = spill
        self._places: dict[str, Place] = {}
        self._folder: str | None = None

    @property
    def size(self) -> int:
        """Bytes kept in memory at present."""
        return sum(len(place) for place in self._places.values() if isinstance(place, bytes))

    def new_file(self) -> tuple[str, int]:
        """Create an empty file of our own; return its path and an open descriptor.

        Bodies arrive in several threads at once, and the store is not held meanwhile.

        Raises:
            RuntimeError: when this was closed; nobody would remove the file.
        """
        path = self._new_path()
        return path, Disk.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)

    def has(self, digest: str) -> bool:
        """Tell whether that content is there."""
        return digest in self._places

    def keep(self, digest: str, body: bytes | Arrived) -> None:
        """Put content that is not there; a file is taken over."""
        self._places[digest] = body if isinstance(body, bytes) else body.keep()

    def adopt(self, digest: str, path: str, size: int) -> None:
        """Put content that is not there, from a file that stays where it is and never changes."""
        if size <= self._spill:
            self._places[digest] = Disk.content(path)
            return
        ours = self._new_path()
        Disk.share(path, ours)
        self._places[digest] = ours

    def place(self, digest: str) -> Place:
        """Return content in memory, or the path of its file."""
        return self._places[digest]

    def drop(self, digest: str) -> None:
        """Forget content; what is gone is as good."""
        place = self._places.pop(digest, None)
        if isinstance(place, str):
            Disk.remove(place)

    def close(self) -> None:
        """Forget everything and remove the folder."""
        self._places.clear()
        with self._lock:
            self._closed = True
            if self._folder is not None:
                Disk.remove_folder(self._folder)
            self._folder = None

    def _new_path(self) -> str:
        with self._lock:
            self._check_open()
            if self._folder is None:
                self._folder = Disk.make_folder()
            return Disk.join(self._folder, secrets.token_hex(8))


class FolderShelf(_Closing):
    """Files of a data directory, named by their digests, which outlive the process.

    A file gets its name when it is complete, before the record that refers to it is committed. What
    a process left when it died, half written or of no record, goes when the next one opens the directory.

    Args:
        folder: where content is.
        incoming: where it arrives; on the same file system.
    """

    size = 0

    def __init__(self, folder: str, incoming: str) -> None:
        super().__init__()
        self._folder = folder
        self._incoming = incoming

    def new_file(self) -> tuple[str, int]:
        """Create an empty file of our own; return its path and an open descriptor.

        Raises:
            RuntimeError: when this was closed; the directory may be another process's by now.
        """
        with self._lock:
            self._check_open()
        path = Disk.join(self._incoming, secrets.token_hex(8))
        return path, Disk.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)

    def has(self, digest: str) -> bool:
        """Tell whether that content is there."""
        return Disk.size(path_in(self._folder, digest)) is not None

    def keep(self, digest: str, body: bytes | Arrived) -> None:
        """Put content that is not there; a file is taken over."""
        if isinstance(body, bytes):
            path = Disk.join(self._incoming, secrets.token_hex(8))
            Disk.create(path, body)
        else:
            path = body.keep()
        target = path_in(self._folder, digest)
        try:
            Disk.rename(path, target)
        except FileNotFoundError:
            Disk.ensure_folder(Disk.join(self._folder, digest[:_SHORT]))
            Disk.rename(path, target)

    def adopt(self, digest: str, path: str, size: int) -> None:
        """Put content that is not there, from a file that stays where it is and never changes."""
        del size
        arriving = Disk.join(self._incoming, secrets.token_hex(8))
        # In two steps: where the file has to be copied, it is half there for a while.
        Disk.share(path, arriving)
        Disk.ensure_folder(Disk.join(self._folder, digest[:_SHORT]))
        Disk.rename(arriving, path_in(self._folder, digest))

    def place(self, digest: str) -> Place:
        """Return the path of the content's file.

        Raises:
            LostContentError: when somebody removed it.
        """
        path = path_in(self._folder, digest)
        if Disk.size(path) is None:
            message = (
                f"{path} is gone, which a record of this Platform refers to: nobody but the Platform may remove files "
                "from its data directory; put the file back, or load a saved snapshot"
            )
            raise LostContentError(message)
        return path

    def drop(self, digest: str) -> None:
        """Remove content; what is gone is as good."""
        Disk.remove(path_in(self._folder, digest))

    def digests(self) -> Iterator[str]:
        """Yield the digest of every content that is there."""
        for name in Disk.names(self._folder):
            if len(name) == _SHORT:
                yield from Disk.names(Disk.join(self._folder, name))

    def close(self) -> None:
        """Take no more; what is there stays."""
        with self._lock:
            self._closed = True


def path_in(folder: str, digest: str) -> str:
    """Return where a folder of content has the content of that digest."""
    return Disk.join(folder, digest[:_SHORT], digest)


def put_into(folder: str, digest: str, place: Place) -> None:
    """Put content into a folder of content; what is there already stays."""
    Disk.ensure_folder(Disk.join(folder, digest[:_SHORT]))
    with suppress(FileExistsError):
        if isinstance(place, bytes):
            Disk.create(path_in(folder, digest), place)
        else:
            Disk.share(place, path_in(folder, digest))
