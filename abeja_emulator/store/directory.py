"""A data directory: where a Platform outlives its process."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from abeja_emulator.store.disk import Disk
from abeja_emulator.store.files import DataError
from abeja_emulator.store.kept import Kept
from abeja_emulator.store.saved import SavedSnapshots

if TYPE_CHECKING:
    from abeja_emulator.clock import Clock

#: What the directory holds.
LOCK, STATE, KEPT, BLOBS, INCOMING, SAVED = "abeja-emulator.lock", "state.db", "kept.db", "blobs", "incoming", "saved"


class DataInUseError(DataError):
    """Another Platform has the data directory open."""


class Lock:
    """Keeps a second Platform away, of this process or of another; the system lets go of it when a process dies.

    Args:
        path: the file that is locked; it says who has it.
        directory: what the message calls it.

    Raises:
        DataInUseError: when somebody has it.
        DataError: where the system has no such locks.
    """

    def __init__(self, path: str, directory: str) -> None:
        try:
            import fcntl  # noqa: PLC0415 - not on Windows, where everything else of the store works
        except ImportError as error:
            message = "a data directory needs locks of files (flock), which Linux and macOS have; leave data= out"
            raise DataError(message) from error
        self._pid = os.getpid()
        self._descriptor = Disk.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = Disk.read(self._descriptor, 20, 0).decode(errors="replace").strip()
            Disk.close(self._descriptor)
            if not isinstance(error, BlockingIOError):
                raise
            who = "this process" if holder == str(self._pid) else f"process {holder or 'of another Platform'}"
            message = (
                f"{directory} is in use by {who}: one Platform at a time can have a data directory; close that one "
                "first, or name another directory"
            )
            raise DataInUseError(message) from None
        Disk.truncate(self._descriptor, 0)
        Disk.write_all(self._descriptor, f"{self._pid}\n".encode())
        # A forked child that lives longer would go on holding what its parent locked.
        mine = weakref.ref(self)

        def let_go() -> None:
            lock = mine()
            if lock is not None:
                lock.let_go()

        os.register_at_fork(after_in_child=let_go)

    def let_go(self) -> None:
        """Close the file; whoever else has it open, such as the parent of a fork, keeps the lock."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            Disk.close(descriptor)


class DataDirectory:
    """The files of one Platform that outlives its process, for one Platform at a time.

    `state.db` has the records, `blobs` content by its digest, `kept.db` what is never turned back,
    `saved` the named snapshots. Nobody else on the machine can read them.

    Args:
        path: the directory; made, with those above it, when it is not there.
        clock: whose offset is kept.

    Attributes:
        path: the directory.
        kept: ids, time and secrets.
        saved: the named snapshots.

    Raises:
        DataInUseError: when another Platform has it.
        DataError: when it cannot be used: it holds other things, or data of another version.
    """

    def __init__(self, path: Path | str, clock: Clock) -> None:
        folder = Path(path).absolute()
        self.path = str(folder)
        _check_ours(folder)
        Disk.ensure_folders(self.path)
        self._lock = Lock(self._inside(LOCK), self.path)
        try:
            Disk.remove_folder(self.incoming)
            for folder_inside in (self.blobs, self.incoming):
                Disk.ensure_folder(folder_inside)
            self.saved = SavedSnapshots(self._inside(SAVED))
            self.saved.clear_up()
            self.kept = Kept(self._inside(KEPT), clock)
        except BaseException:
            self._lock.let_go()
            raise

    @property
    def state(self) -> str:
        """The file of the records."""
        return self._inside(STATE)

    @property
    def blobs(self) -> str:
        """The folder of content."""
        return self._inside(BLOBS)

    @property
    def incoming(self) -> str:
        """The folder of content that arrives."""
        return self._inside(INCOMING)

    def close(self) -> None:
        """Let another Platform have it; a forked child leaves its parent's alone."""
        self.kept.close()
        self._lock.let_go()

    def _inside(self, name: str) -> str:
        return Disk.join(self.path, name)


def _check_ours(folder: Path) -> None:
    """Check that a folder is empty, not there, or a data directory.

    Raises:
        DataError: when it is something else.
    """
    try:
        names = Disk.names(str(folder))
    except FileNotFoundError:
        return
    except NotADirectoryError:
        message = f"{folder} is a file, and data is kept in a directory; name another one"
        raise DataError(message) from None
    if names and LOCK not in names:
        shown = ", ".join(sorted(names)[:3])
        message = (
            f"{folder} holds other things ({shown}{', …' if len(names) > 3 else ''}) and is no data directory of "  # noqa: PLR2004
            "abeja-emulator; name an empty one, or one that does not exist yet"
        )
        raise DataError(message)
