"""The state of one Platform: records and blobs, changed together, restored together."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from abeja_emulator.store.blobs import Blobs
from abeja_emulator.store.database import Database
from abeja_emulator.store.shelves import FolderShelf
from abeja_emulator.store.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import msgspec

    from abeja_emulator.ids import Ids
    from abeja_emulator.store.directory import DataDirectory

    RecordT = TypeVar("RecordT", bound=msgspec.Struct)


class SnapshotOrderError(RuntimeError):
    """A snapshot was left while a later one was still open, or taken in the middle of a transaction."""


class Store:
    """Records and blobs of one Platform.

    Args:
        ids: where ids and the order of records come from.
        directory: where all of it outlives the process; without one it lives and dies with the object. The
            store closes it. What a transaction wrote is kept when the outermost one has ended, whatever becomes
            of this process, unless a snapshot is open: then it is when that one has been left.

    Raises:
        DataError: when what is in the directory cannot be used; it is closed then.
    """

    def __init__(self, ids: Ids, directory: DataDirectory | None = None) -> None:
        self._ids = ids
        self._directory = directory
        if directory is None:
            self.database = Database()
            self.blobs = Blobs(self.database)
        else:
            self._open(directory)
        self._tables: dict[str, Table[Any]] = {}
        self._transactions = 0
        self._afterwards: list[Callable[[], None]] = []

    def table(self, kind: str, record: type[RecordT]) -> Table[RecordT]:
        """Return the records of that kind; a kind has one type."""
        table = self._tables.get(kind)
        if table is None:
            table = self._tables[kind] = Table(self.database, self._ids, kind, record)
        return table

    def reading(self) -> AbstractContextManager[None]:
        """Hold the state still while something is read from it; use it in a `with`."""
        return self.database.reading()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what follows happen wholly or, when it raises, not at all; transactions nest.

        Content goes when the outermost one has ended: until then it can still be undone.
        """
        afterwards: list[Callable[[], None]] = []
        with self.database.reading():
            self._transactions += 1
            kept = len(self._afterwards)
            try:
                with self.database.transaction():
                    try:
                        yield
                    finally:
                        # Before the state, and if it comes to nothing too: an id that is left out does no harm.
                        if self._directory is not None and self._transactions == 1:
                            self._directory.kept.keep(self._ids)
            except BaseException:
                del self._afterwards[kept:]
                raise
            finally:
                self._transactions -= 1
                if not self._transactions:
                    self.blobs.sweep()
                    afterwards, self._afterwards = self._afterwards, []
        for callback in afterwards:
            callback()

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the outermost transaction has ended, without a lock; never when it is undone.

        Outside of any transaction it is called at once.
        """
        with self.database.reading():
            if self._transactions:
                self._afterwards.append(callback)
                return
        callback()

    def snapshot(self) -> Snapshot:
        """Remember the state as it is; snapshots nest and are left in the reverse order.

        Raises:
            SnapshotOrderError: when this thread is in a transaction, which ends before the snapshot.
        """
        with self.database.reading():
            if self._transactions:
                message = "a snapshot cannot be taken inside a transaction, which would end before it"
                raise SnapshotOrderError(message)
            depth = self.database.savepoint()
            self.blobs.enter_snapshot()
            return Snapshot(self, depth)

    def copy(self) -> Store:
        """Return the state as it is, to be read for as long as this one lives: its records apart, its content shared.

        The caller holds `reading()`, and lets it `forget`.
        """
        copied = Store.__new__(Store)
        copied._ids, copied._directory = self._ids, None  # noqa: SLF001 - one of its own
        copied.database, copied.blobs = self.database.copy(), self.blobs
        copied._tables, copied._transactions, copied._afterwards = {}, 0, []  # noqa: SLF001
        return copied

    def forget(self) -> None:
        """Close a copy; the content, which is not its own, stays."""
        self.database.close()

    def keep(self) -> None:
        """Write down how far ids and time have come; every transaction does, but time may pass without one."""
        with self.transaction():
            pass

    def close(self) -> None:
        """Forget everything that is not in a directory; what came since a snapshot that is open stays there."""
        directory, self._directory = self._directory, None
        if directory is not None and self.database.is_ours:
            with self.database.reading():
                directory.kept.keep(self._ids)
                if not self._transactions:
                    while self.database.depth:
                        self.database.release()
        self.blobs.close()
        self.database.close()
        if directory is not None:
            directory.close()

    def _open(self, directory: DataDirectory) -> None:
        try:
            self.database = Database(directory.state)
            self.blobs = Blobs(self.database, FolderShelf(directory.blobs, directory.incoming))
            try:
                self.blobs.drop_orphans()
                directory.kept.resume(self._ids)
            except BaseException:
                self.database.close()
                raise
        except BaseException:
            directory.close()
            raise


class Snapshot:
    """A state to return to; ids handed out since are not handed out again."""

    def __init__(self, store: Store, depth: int) -> None:
        self._store = store
        self._depth = depth
        self._left = False

    def rollback(self) -> None:
        """Return to the state of the snapshot, and close it.

        Raises:
            SnapshotOrderError: when a later snapshot, or a transaction, is still open, or when this
                one was left already.
        """
        self._leave(keep=False)

    def release(self) -> None:
        """Keep what came since, and close the snapshot.

        Raises:
            SnapshotOrderError: as for `rollback`.
        """
        self._leave(keep=True)

    def _leave(self, *, keep: bool) -> None:
        database = self._store.database
        with database.reading():
            if self._left:
                message = f"this snapshot, number {self._depth}, was left already; a snapshot is good for one return"
                raise SnapshotOrderError(message)
            if database.depth != self._depth:
                message = (
                    f"this snapshot is number {self._depth} but number {database.depth} is the innermost: "
                    "leave snapshots in the reverse order of taking them"
                )
                raise SnapshotOrderError(message)
            if keep:
                database.release()
            else:
                database.rollback()
            self._left = True
            self._store.blobs.leave_snapshot()
