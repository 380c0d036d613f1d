"""What was asked of a Platform and what it answered, without bodies and without secrets."""

from __future__ import annotations

import itertools
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from abeja_emulator.wire.operations import Evidence

#: By how many places an entry may stand beside the one its number says.
_NEIGHBOURS = 64

#: How many calls are remembered; older ones are forgotten so that a long run does not grow.
REMEMBERED = 10_000


@dataclass
class Entry:
    """One call.

    Attributes:
        method: the method.
        path: the path as sent.
        query: the query as sent; empty where it holds a signature.
        operation: name of the operation, or None when no path matched.
        status: status of the answer as the client saw it; 0 where it saw none.
        evidence: where the operation's behaviour is known from.
        at: when the call arrived, seconds since the epoch by the Platform's clock.
        error: description of the refusal, when it was one.
        fault: what went wrong on purpose, or None.
        done: status the Platform itself came to where a fault hid it; None: the call was not done, or nothing hid it.
        because: number of the fault's hit because of which the client made this call, or None.
    """

    method: str
    path: str
    query: str
    operation: str | None
    status: int
    evidence: Evidence | None
    at: float
    error: str | None = None
    fault: str | None = None
    done: int | None = None
    because: int | None = None

    def __str__(self) -> str:
        query = f"?{self.query}" if self.query else ""
        error = f": {self.error}" if self.error else ""
        fault = f" [fault: {self.fault}]" if self.fault else ""
        return f"{self.method} {self.path}{query} → {self.status or 'no answer'}{error}{fault}"


class Journal:
    """The last calls, oldest first; a sequence that threads may add to at once."""

    def __init__(self) -> None:
        # Numbered, because a counter of our own would need a lock, and a forked child could find it held.
        self._numbers = itertools.count(1)
        self._entries: deque[tuple[int, Entry]] = deque(maxlen=REMEMBERED)
        self._begun = 0
        self._evidence: dict[str, Evidence] = {}
        self._listeners: list[Callable[[Entry], None]] = []

    def add(self, entry: Entry) -> None:
        """Remember a call, and tell those who listen."""
        self._entries.append((next(self._numbers), entry))
        if entry.operation is not None and entry.evidence is not None:
            self._evidence[entry.operation] = entry.evidence
        for listener in self._listeners:
            listener(entry)

    @contextmanager
    def told(self, listener: Callable[[Entry], None]) -> Iterator[None]:
        """Tell `listener` of each call while this is entered."""
        self._listeners = [*self._listeners, listener]
        try:
            yield
        finally:
            self._listeners = [known for known in self._listeners if known is not listener]

    def take_evidence(self) -> dict[str, Evidence]:
        """Return the operations called since the last time, however many calls there were, with their evidence."""
        taken, self._evidence = self._evidence, {}
        return taken

    @property
    def total(self) -> int:
        """How many calls there were, those that were forgotten included."""
        return self._entries[-1][0] if self._entries else 0

    def since(self, total: int) -> list[Entry]:
        """Return the calls after the first `total` ones, as far as they are remembered."""
        entries = list(self._entries)
        # They stand almost in the order of their numbers: threads may have swapped neighbours.
        wanted = self.total - total + _NEIGHBOURS
        return [entry for number, entry in entries[max(0, len(entries) - wanted) :] if number > total]

    def numbered(self, after: int) -> tuple[int, list[tuple[int, Entry]]]:
        """Return where to begin and the calls behind that with their numbers, in order and without a gap near the end.

        Whoever goes on from the last of them misses none: a call that has its number, but is not entered yet,
        ends it. A number that this journal never reached is one of an earlier journal, and begins anew.
        """
        entries = sorted(self._entries, key=lambda each: each[0])
        last = entries[-1][0] if entries else 0
        if after > last:
            after = 0
        found: list[tuple[int, Entry]] = []
        expected = after + 1
        for number, entry in entries:
            if number <= after:
                continue
            if number > expected and last - number < _NEIGHBOURS:
                break
            found.append((number, entry))
            expected = number + 1
        return after, found

    def begin(self) -> None:
        """Begin with what `current` returns: a new test starts."""
        self._begun = self.total

    def current(self) -> list[Entry]:
        """Return the calls since `begin`, or all of them, as far as they are remembered."""
        return self.since(self._begun)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.since(0))

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        if isinstance(index, int):
            return self._entries[index][1]
        return self.since(0)[index]
