"""What waits and runs, such as jobs: first in, first out, so many at once."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Callable, Generic, Literal, TypeVar

from abeja_emulator.errors import Conflict, NotFound

#: When something begins: at once, when it is let go, or by the Platform's clock.
Mode = Literal["immediate", "held", "virtual"]
MODES = ("immediate", "held", "virtual")

TicketT = TypeVar("TicketT")


@dataclass(eq=False)
class Entry(Generic[TicketT]):
    """Something that waits or runs.

    Attributes:
        identifier: which one.
        mode: when it begins.
        ticket: how it is stopped.
        released: whether one that was held was let go.
        thread: what runs it; None while it waits.
        ended: set when it does neither any more.
    """

    identifier: str
    mode: Mode
    ticket: TicketT
    released: bool = False
    thread: threading.Thread | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def may_start(self) -> bool:
        """Whether nothing but a slot is missing."""
        return self.mode != "held" or self.released


class WorkQueue(Generic[TicketT]):
    """What one host runs; methods may be called from any thread.

    Args:
        noun: what an entry is called in messages: `job` or `run`.
        work: runs an entry to its end, in a thread of its own.
        ticket: makes the ticket of an entry.
        slots: how many run at once.
    """

    def __init__(
        self, noun: str, work: Callable[[Entry[TicketT]], object], ticket: Callable[[], TicketT], slots: int
    ) -> None:
        self._noun = noun
        self._work = work
        self._ticket = ticket
        self._slots = slots
        self._entries: dict[str, Entry[TicketT]] = {}
        self._waiting: deque[Entry[TicketT]] = deque()
        self._lock = threading.RLock()
        self._running = 0
        self._open = False

    def open(self) -> None:
        """Let entries start from now on."""
        self._open = True
        self._fill()

    def close(self) -> None:
        """Let no further entry start."""
        with self._lock:
            self._open = False

    def add(self, identifier: str, mode: Mode) -> None:
        """Queue something, unless it is here already."""
        with self._lock:
            if identifier in self._entries:
                return
            entry = self._entries[identifier] = Entry(identifier, mode, self._ticket())
            self._waiting.append(entry)
        self._fill()

    def withdraw(self, entry: Entry[TicketT]) -> bool:
        """Forget an entry that waits, and tell whether it did: one that was started already goes on."""
        with self._lock:
            if entry.thread is not None:
                return False
            self._forget(entry)
            return True

    def get(self, identifier: str) -> Entry[TicketT] | None:
        """Return what waits or runs under an id, or None."""
        with self._lock:
            return self._entries.get(identifier)

    def entries(self) -> list[Entry[TicketT]]:
        """Return all, in the order they came in."""
        with self._lock:
            return list(self._entries.values())

    def waiting(self) -> list[Entry[TicketT]]:
        """Return those that wait, in the order they will start, the held ones among them."""
        with self._lock:
            return list(self._waiting)

    def release(self, identifier: str | None) -> None:
        """Let one that is held go, or all of them.

        Raises:
            NotFound: when none of that id waits.
        """
        with self._lock:
            found = [entry for entry in self._waiting if identifier in {None, entry.identifier}]
            for entry in found:
                entry.released = True
        if identifier is not None and not found:
            known = ", ".join(entry.identifier for entry in self.waiting()) or "none"
            message = f"no {self._noun} {identifier} waits to be let go; those that wait: {known}"
            raise NotFound(message)
        self._fill()

    def wait(self, identifier: str, timeout: float | None) -> bool:
        """Wait until one has ended, and tell whether it has; one that is not here has.

        Raises:
            Conflict: when it waits to be let go, so that it would never end.
        """
        with self._lock:
            entry = self._entries.get(identifier)
            held = entry is not None and entry.thread is None and not entry.may_start
        if held:
            message = f"{self._noun} {identifier} is held; let it go before you wait for it"
            raise Conflict(message)
        return entry is None or entry.ended.wait(timeout)

    def _fill(self) -> None:
        """Start as many entries as there are slots."""
        with self._lock:
            while self._open and self._running < self._slots:
                entry = next((each for each in self._waiting if each.may_start), None)
                if entry is None:
                    return
                self._waiting.remove(entry)
                self._running += 1
                name = f"abeja-emulator-{self._noun}-{entry.identifier}"
                entry.thread = threading.Thread(target=self._run, args=(entry,), name=name, daemon=True)
                entry.thread.start()

    def _run(self, entry: Entry[TicketT]) -> None:
        try:
            self._work(entry)
        finally:
            with self._lock:
                self._running -= 1
                self._forget(entry)
            self._fill()

    def _forget(self, entry: Entry[TicketT]) -> None:
        if self._entries.get(entry.identifier) is entry:
            del self._entries[entry.identifier]
        if entry in self._waiting:
            self._waiting.remove(entry)
        entry.ended.set()
