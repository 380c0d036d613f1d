"""The disk as it was before any test faked it."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import tempfile
from contextlib import suppress

#: Bytes copied at once.
_PIECE = 1024 * 1024

#: What a file system says that cannot give a file of this one, or of itself, a second name.
_NO_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES)


class Disk:
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
    truncate = staticmethod(os.ftruncate)
    unlink = staticmethod(os.unlink)
    mkdir = staticmethod(os.mkdir)
    makedirs = staticmethod(os.makedirs)
    rmdir = staticmethod(os.rmdir)
    names = staticmethod(os.listdir)
    rename = staticmethod(os.rename)
    link = staticmethod(os.link)
    stat = staticmethod(os.stat)
    lstat = staticmethod(os.lstat)
    join = staticmethod(os.path.join)

    @classmethod
    def make_folder(cls) -> str:
        """Create a folder that nobody else can read, and return its path."""
        path = cls.join(tempfile.gettempdir(), f"abeja-emulator-{secrets.token_hex(8)}")
        cls.mkdir(path, 0o700)
        return path

    @classmethod
    def ensure_folder(cls, path: str) -> None:
        """Create a folder that nobody else can read, unless it is there."""
        with suppress(FileExistsError):
            cls.mkdir(path, 0o700)

    @classmethod
    def ensure_folders(cls, path: str) -> None:
        """The same, with the folders above it, which are for everybody."""
        cls.makedirs(path, 0o700, exist_ok=True)

    @classmethod
    def remove_folder(cls, path: str) -> None:
        """Remove a folder of ours and everything in it; what is gone is as good."""
        with suppress(FileNotFoundError):
            for name in cls.names(path):
                inside = cls.join(path, name)
                if stat.S_ISDIR(cls.lstat(inside).st_mode):
                    cls.remove_folder(inside)
                else:
                    cls.remove(inside)
            cls.rmdir(path)

    @classmethod
    def remove(cls, path: str) -> None:
        """Remove a file; it may have gone with its folder."""
        with suppress(FileNotFoundError):
            cls.unlink(path)

    @classmethod
    def size(cls, path: str) -> int | None:
        """Return how many bytes a file has, or None when there is none."""
        try:
            return cls.stat(path).st_size
        except FileNotFoundError:
            return None

    @classmethod
    def create(cls, path: str, content: bytes = b"") -> None:
        """Create a file that nobody else can read.

        Raises:
            FileExistsError: when it is there.
        """
        descriptor = cls.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            cls.write_all(descriptor, content)
        finally:
            cls.close(descriptor)

    @classmethod
    def write_all(cls, descriptor: int, content: bytes) -> None:
        """Write all of it, in however many steps that takes."""
        view = memoryview(content)
        while view:
            view = view[cls.write(descriptor, view) :]

    @classmethod
    def content(cls, path: str) -> bytes:
        """Return what is in a file."""
        descriptor = cls.open(path, os.O_RDONLY)
        try:
            pieces: list[bytes] = []
            position = 0
            while piece := cls.read(descriptor, _PIECE, position):
                pieces.append(piece)
                position += len(piece)
            return b"".join(pieces)
        finally:
            cls.close(descriptor)

    @classmethod
    def share(cls, source: str, target: str) -> None:
        """Let `target` have the content of `source`, which never changes: the same file where that can be.

        Raises:
            FileExistsError: when `target` is there.
        """
        try:
            cls.link(source, target)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            cls._copy(source, target)

    @classmethod
    def _copy(cls, source: str, target: str) -> None:
        reading = cls.open(source, os.O_RDONLY)
        try:
            writing = cls.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                position = 0
                while piece := cls.read(reading, _PIECE, position):
                    cls.write_all(writing, piece)
                    position += len(piece)
            finally:
                cls.close(writing)
        finally:
            cls.close(reading)
