"""Files in which bodies travel between the proxy and the runtime."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

from abeja_emulator.store.disk import Disk

if TYPE_CHECKING:
    from abeja_emulator.wire.messages import Body

_CHUNK = 1024 * 1024


class BodyFiles:
    """Files in the system's folder for temporary files, as code in this process sees them, even if a test fakes them.

    Only this user reads them.
    """

    def write(self, body: Body) -> str:
        """Write a body into a file of its own, a stream from its start, and return its path.

        Raises:
            OSError: when that cannot be done; nothing is left of it.
        """
        descriptor, path = tempfile.mkstemp(prefix="request-")
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - there is no path yet that nobody else could open
                if isinstance(body, bytes):
                    file.write(body)
                else:
                    body.seek(0)
                    shutil.copyfileobj(body, file, _CHUNK)
        except BaseException:
            self.remove(path)
            raise
        return path

    def read(self, path: str) -> bytes:
        """Return what is in a file.

        Raises:
            OSError: when it cannot be read.
        """
        with open(path, "rb") as file:  # noqa: PTH123 - text, as messages have it
            return file.read()

    def remove(self, path: str) -> None:
        """Remove a file; it may be gone."""
        with suppress(OSError):
            os.remove(path)  # noqa: PTH107 - the same


class DiskBodyFiles(BodyFiles):
    """Files on the disk, whatever a test has faked: a child sees no other.

    Args:
        folder: where they are written.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = str(folder)

    def write(self, body: Body) -> str:
        """Write a body; see `BodyFiles`."""
        path = Disk.join(self._folder, f"request-{secrets.token_hex(8)}")
        descriptor = Disk.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            if isinstance(body, bytes):
                Disk.write_all(descriptor, body)
            else:
                body.seek(0)
                while piece := body.read(_CHUNK):
                    Disk.write_all(descriptor, piece)
        except BaseException:
            self.remove(path)
            raise
        finally:
            Disk.close(descriptor)
        return path

    def read(self, path: str) -> bytes:
        """Return what is in a file; see `BodyFiles`."""
        return Disk.content(path)

    def remove(self, path: str) -> None:
        """Remove a file; see `BodyFiles`."""
        with suppress(OSError):
            Disk.unlink(path)
