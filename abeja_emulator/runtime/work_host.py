"""What those who run jobs and runs have in common: they hear of them, queue them, and follow the state they are in."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Generic, Protocol, TypeVar

from abeja_emulator.runtime.runner import MODE_VARIABLE, Timing
from abeja_emulator.runtime.work_queue import MODES, TicketT, WorkQueue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.work_queue import Entry, Mode


class _Record(Protocol):
    """A record with a life cycle."""

    status: str


RecordT = TypeVar("RecordT", bound=_Record)


class WorkHost(ABC, Generic[RecordT, TicketT]):
    """Runs what is of one kind on one Platform, so many at once.

    Args:
        platform: where the records are.
        ticket: makes what stops one.
        slots: how many run at once; as many as there are processors by default.
        mode: see `Mode`.
        timing: how long those of the virtual mode take.

    Attributes:
        noun: what one is called in messages.
        kind: type of the records.
        timing: as given; it may be changed.
    """

    noun: ClassVar[str]
    kind: ClassVar[Any]

    def __init__(
        self, platform: Platform, ticket: Callable[[], TicketT], slots: int | None, mode: Mode, timing: Timing | None
    ) -> None:
        self.mode = mode
        self.timing = timing or Timing()
        self._platform = platform
        self._queue = WorkQueue(self.noun, self._work, ticket, slots or os.cpu_count() or 1)
        self._live = False

    @property
    def mode(self) -> Mode:
        """When one begins; it may be changed for those that come.

        Raises:
            ValueError: when it is set to something else than `immediate`, `held` or `virtual`.
        """
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if mode not in MODES:
            message = f"the mode of {self.noun}s must be one of {', '.join(MODES)}, not {mode!r}"
            raise ValueError(message)
        self._mode: Mode = mode

    # -- what comes in --------------------------------------------------------------------------

    def start(self) -> None:
        """Take what comes from now on, and what is there already."""
        if self._live:
            return
        self._live = True
        self._platform.world.listeners.append(self._hear)
        self._queue.open()
        self._adopt(self._records(), "the emulator that ran it has ended before it did")

    def stop(self) -> None:
        """Take nothing more, and end what runs at once."""
        if not self._live:
            return
        self._live = False
        self._platform.world.listeners.remove(self._hear)
        self._queue.close()
        self._end_all()

    def reconcile(self) -> None:
        """Follow a return to an earlier state: end what is not in it, and take what waits in it."""
        # In this order: what comes meanwhile is in the records alone, and stays.
        entries, records = self._queue.entries(), self._records()
        gone = [
            entry
            for entry in entries
            if entry.identifier not in records or not self._is_in_place(entry, records[entry.identifier])
        ]
        if gone:
            self._end(gone)
            records = self._records()
        if self._live:
            self._adopt(records, "its process was ended when the platform returned to an earlier state")

    def _hear(self, record: Any) -> None:
        if self._live and isinstance(record, self.kind):
            self._note(record)

    def _adopt(self, records: Mapping[str, RecordT], why: str) -> None:
        for identifier, record in records.items():
            if self._queue.get(identifier) is None:
                self._note(record)
                self._disown(record, why)

    def _take(self, identifier: str, variables: Mapping[str, Any]) -> None:
        """Queue one, in the mode that its variables say."""
        said: Any = variables.get(MODE_VARIABLE, self.mode)
        if said in MODES:
            self._queue.add(identifier, said)
        else:
            self._refuse(identifier, f"the variable {MODE_VARIABLE} is {said!r}; it must be one of {', '.join(MODES)}")

    # -- what a person or a test asks -----------------------------------------------------------

    def release(self, identifier: str | int | None = None) -> None:
        """Let one that is held go, or all of them.

        Raises:
            NotFound: when none of that id waits.
        """
        self._queue.release(None if identifier is None else str(identifier))

    def queued(self) -> list[str]:
        """Return the ids of those that wait, for a slot or to be let go, oldest first."""
        return [entry.identifier for entry in self._queue.waiting()]

    def running(self) -> list[str]:
        """Return the ids of those that run."""
        return [entry.identifier for entry in self._queue.entries() if entry.thread is not None]

    def unfinished(self) -> list[str]:
        """Return the ids of those that run, or will do so without anybody's doing."""
        return [entry.identifier for entry in self._queue.entries() if entry.thread is not None or entry.may_start]

    def _wait_for(self, identifier: str, timeout: float | None) -> RecordT:
        """Wait until one has ended, and return it.

        Raises:
            TimeoutError: when it has not ended in time; it goes on.
            Conflict: when it waits to be let go, so that it would never end.
            NotFound: when there is none.
        """
        # Where time is virtual, what others do in their time is all that there is to wait for.
        with self._platform.clock.idle():
            ended = self._queue.wait(identifier, timeout)
        record = self._find(identifier)
        if not ended:
            message = f"{self.noun} {identifier} has not ended after {timeout} s; it is {record.status}"
            raise TimeoutError(message)
        return record

    # -- what is of its kind alone --------------------------------------------------------------

    @abstractmethod
    def _records(self) -> dict[str, RecordT]:
        """Return the records that have not ended, by their ids, oldest first."""

    @abstractmethod
    def _find(self, identifier: str) -> RecordT:
        """Return a record as it is.

        Raises:
            NotFound: when there is none.
        """

    @abstractmethod
    def _note(self, record: RecordT) -> None:
        """See one that was made or has changed."""

    @abstractmethod
    def _disown(self, record: RecordT, why: str) -> None:
        """See one that nobody here runs: if it says that it runs, it does so no more."""

    @abstractmethod
    def _refuse(self, identifier: str, why: str) -> None:
        """Let one fail before it runs."""

    @abstractmethod
    def _is_in_place(self, entry: Entry[TicketT], record: RecordT) -> bool:
        """Tell whether an entry may go on when its record is that, after a return to an earlier state."""

    @abstractmethod
    def _work(self, entry: Entry[TicketT]) -> None:
        """Run one to its end."""

    @abstractmethod
    def _end(self, entries: list[Entry[TicketT]]) -> None:
        """End what runs or waits, and wait until nothing of it is left."""

    @abstractmethod
    def _end_all(self) -> None:
        """End all that runs or waits, and leave its records as they are to be without a host."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
