"""Runs that wait and run: first in, first out, so many at once."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable

from abeja_emulator.errors import Conflict, NotFound
from abeja_emulator.serving.run_attempts import Ticket

if TYPE_CHECKING:
    from abeja_emulator.runtime.executor import Mode


@dataclass
class Entry:
    """A run that waits or runs.

    Attributes:
        run_id: which one.
        mode: when it begins.
        released: whether one that was held was let go.
        thread: what runs it; None while it waits.
        ticket: how it is stopped.
        ended: set when it does neither any more.
    """

    run_id: str
    mode: Mode
    released: bool = False
    thread: threading.Thread | None = None
    ticket: Ticket = field(default_factory=Ticket)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def may_start(self) -> bool:
        """Whether nothing but a slot is missing."""
        return self.mode != "held" or self.released


class RunQueue:
    """The runs of one host; methods may be called from any thread.

    Args:
        work: runs an entry to its end, in a thread of its own.
        slots: how many run at once.
    """

    def __init__(self, work: Callable[[Entry], object], slots: int) -> None:
        self._work = work
        self._slots = slots
        self._entries: dict[str, Entry] = {}
        self._waiting: deque[Entry] = deque()
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

    def add(self, run_id: str, mode: Mode) -> None:
        """Queue a run, unless it is here already."""
        with self._lock:
            if run_id in self._entries:
                return
            entry = self._entries[run_id] = Entry(run_id, mode)
            self._waiting.append(entry)
        self._fill()

    def drop(self, entry: Entry) -> None:
        """Forget an entry that waits, or has run."""
        with self._lock:
            if self._entries.get(entry.run_id) is entry:
                del self._entries[entry.run_id]
            if entry in self._waiting:
                self._waiting.remove(entry)
        entry.ended.set()

    def get(self, run_id: str) -> Entry | None:
        """Return the entry of a run, or None when it neither waits nor runs."""
        return self._entries.get(run_id)

    def entries(self) -> list[Entry]:
        """Return all, in the order they came in."""
        with self._lock:
            return list(self._entries.values())

    def waiting(self) -> list[Entry]:
        """Return those that wait, in the order they will start, the held ones among them."""
        with self._lock:
            return list(self._waiting)

    def release(self, run_id: str | None) -> None:
        """Let a held run go, or all of them.

        Raises:
            NotFound: when no run of that id waits.
        """
        with self._lock:
            found = [entry for entry in self._waiting if run_id in {None, entry.run_id}]
            for entry in found:
                entry.released = True
        if run_id is not None and not found:
            known = ", ".join(entry.run_id for entry in self.waiting()) or "none"
            message = f"no run {run_id} waits to be let go; those that wait: {known}"
            raise NotFound(message)
        self._fill()

    def wait(self, run_id: str, timeout: float | None) -> bool:
        """Wait until a run has ended, and tell whether it has; one that is not here has.

        Raises:
            Conflict: when it waits to be let go, so that it would never end.
        """
        with self._lock:
            entry = self._entries.get(run_id)
            held = entry is not None and entry.thread is None and not entry.may_start
        if held:
            message = f"run {run_id} is held; let it go before you wait for it"
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
                name = f"abeja-emulator-{entry.run_id}"
                entry.thread = threading.Thread(target=self._run, args=(entry,), name=name, daemon=True)
                entry.thread.start()

    def _run(self, entry: Entry) -> None:
        try:
            self._work(entry)
        finally:
            with self._lock:
                self._running -= 1
            self.drop(entry)
            self._fill()
