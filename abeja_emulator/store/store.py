"""The state of one Platform: records and blobs, changed together, restored together."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from abeja_emulator.store.blobs import Blobs
from abeja_emulator.store.database import Database
from abeja_emulator.store.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import msgspec

    from abeja_emulator.ids import Ids

    RecordT = TypeVar("RecordT", bound=msgspec.Struct)


class SnapshotOrderError(RuntimeError):
    """A snapshot was left while a later one was still open, or taken in the middle of a transaction."""


class Store:
    """Records and blobs of one Platform.

    Args:
        ids: where ids and the order of records come from.
        path: a database file to be made, or the default, which lives and dies with the object.
    """

    def __init__(self, ids: Ids, path: str = ":memory:") -> None:
        self._ids = ids
        self.database = Database(path)
        self.blobs = Blobs(self.database)
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
                    yield
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

    def close(self) -> None:
        """Forget everything."""
        self.blobs.close()
        self.database.close()


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
