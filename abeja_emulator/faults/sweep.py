"""A sweep: one run of a test for each of its calls and each fault, in the order in which they tell most."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from abeja_emulator.faults.effects import ConnectFailure, Lost, SignedUrl, Stale, Token
from abeja_emulator.faults.making import EFFECTS, fault_of_line, split_line
from abeja_emulator.faults.moments import Moment, spans_of
from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.wire.operations import Access

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from abeja_emulator.faults.effects import Effect

#: What a sweep does when nobody says anything. A short outage, which a client that tries again survives; one that
#: lasts, which shows the exception that people will see; and an answer that is lost, which shows what is done twice.
DEFAULTS = ("status=503", "status=503 calls=1-", "lost")


class MadeCall(NamedTuple):
    """One call that a test makes.

    Attributes:
        place: name of the operation; method and path where there is none.
        nth: its number among the test's calls of that place, from 1.
        number: its number among all calls of the test, from 1.
    """

    place: str
    nth: int
    number: int

    def __str__(self) -> str:
        return f"{self.number} {self.place}"


class Cell(NamedTuple):
    """One run of a sweep: a call and what goes wrong with it.

    Attributes:
        call: the call.
        column: what goes wrong, as the sweep says it.
        line: the fault as a line, with which it goes wrong in a run without a sweep as well.
    """

    call: MadeCall
    column: str
    line: str


class _Traits(NamedTuple):
    writes: bool
    signed: bool


@dataclass(frozen=True)
class SweepFault:
    """What goes wrong with one call after the other.

    Attributes:
        text: as it was said: a line without its place, such as `status=503 calls=1-`, whose `calls` are counted from
            the call that it is about.
        options: its words.
        effect: what it does.
    """

    text: str
    options: tuple[tuple[str, Any], ...]
    effect: Effect

    @classmethod
    def of(cls, text: str) -> SweepFault:
        """Return the fault that a line without a place says.

        Raises:
            ValueError: when it says none, or one that does not happen to single calls.
        """
        if re.split(r"[\s=]", text.strip(), maxsplit=1)[0] not in EFFECTS:
            message = (
                f"{text!r}: a sweep goes through all places by itself, so a fault begins with what goes wrong: "
                f"{', '.join(EFFECTS)}"
            )
            raise ValueError(message)
        fault = fault_of_line(f"* {text}", {})
        if isinstance(fault.effect, ConnectFailure):
            message = (
                f"{text!r} happens to connections, and a sweep goes through calls; let it happen with --abeja-fault"
            )
            raise ValueError(message)  # noqa: TRY004 - it is the text that is wrong
        return cls(text.strip(), tuple(split_line(f"* {text}")[1].items()), fault.effect)

    def line(self, call: MadeCall) -> str:
        """Return the fault that happens to that call, as a line with its place."""
        words = []
        for name, value in self.options:
            if name not in {"calls", "optional"}:
                quoted = f"'{value}'" if " " in str(value) else value
                words.append(name if value is True or value == "" else f"{name}={quoted}")
        spans = spans_of(dict(self.options).get("calls", 1))
        later = call.nth - 1
        moved = tuple((first + later, None if last is None else last + later) for first, last in spans)
        return " ".join([call.place, *words, str(Moment(moved))])

    def concerns(self, traits: _Traits) -> bool:
        """Tell whether it can happen to such a call, and is no other fault there."""
        if isinstance(self.effect, Lost):
            # Where nothing is changed, a lost answer is a lost connection.
            return traits.writes
        if isinstance(self.effect, SignedUrl):
            return traits.signed
        return not traits.signed if isinstance(self.effect, (Token, Stale)) else True


class Sweep:
    """The runs of a sweep.

    Args:
        faults: what goes wrong; `DEFAULTS` unless something is said.

    Raises:
        ValueError: when one says nothing that can be.
    """

    def __init__(self, faults: Iterable[str] = ()) -> None:
        self.faults = [SweepFault.of(text) for text in dict.fromkeys(faults or DEFAULTS)]
        self._traits = {
            operation.name: _Traits(operation.writes, operation.access is Access.SIGNATURE)
            for operation in all_operations()
        }

    @property
    def columns(self) -> list[str]:
        """What goes wrong, in order."""
        return [fault.text for fault in self.faults]

    def cells(self, calls: Sequence[MadeCall]) -> list[Cell]:
        """Return the runs for a test that makes these calls, those first that tell most.

        The first call of each operation comes before the second of any: where many calls do the same, the others
        seldom tell more.
        """
        found = [
            (call.nth, column, call.number, Cell(call, fault.text, fault.line(call)))
            for column, fault in enumerate(self.faults)
            for call in calls
            if fault.concerns(
                self._traits.get(call.place, _Traits(writes=not call.place.startswith("GET "), signed=False))
            )
        ]
        return [cell for *_, cell in sorted(found, key=lambda each: each[:3])]

    def share(self, cells: Sequence[Cell], part: int, parts: int) -> list[Cell]:
        """Return those of a process that has a part of them, in order; the same whatever the others have seen.

        Args:
            cells: all of them.
            part: its number, from 0.
            parts: how many there are.
        """
        places = {place: number for number, place in enumerate(sorted({cell.call.place for cell in cells}))}
        columns = {column: number for number, column in enumerate(self.columns)}
        return [
            cell for cell in cells if (cell.call.nth + places[cell.call.place] + columns[cell.column]) % parts == part
        ]


def numbered(places: Iterable[str]) -> Iterator[MadeCall]:
    """Yield the calls of a test, of which these are the places in order."""
    seen: Counter[str] = Counter()
    for number, place in enumerate(places, 1):
        seen[place] += 1
        yield MadeCall(place, seen[place], number)


@dataclass
class Budget:
    """What all of a sweep may cost; what is left over goes to later tests.

    Attributes:
        runs: how many runs, or None.
        until: when it has to end, by the clock of whoever asks, or None.
    """

    runs: Optional[int] = None
    until: Optional[float] = None

    @staticmethod
    def parse(text: str) -> tuple[Optional[int], Optional[float]]:
        """Return how many runs, or how many seconds, a text says: `200`, `60s`, `5m`.

        Raises:
            ValueError: when it says neither.
        """
        text = text.strip()
        unit = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:])
        try:
            value = float(text[:-1]) if unit is not None else int(text)
        except ValueError:
            value = -1
        if not 0 < value < float("inf"):
            message = f"{text!r} is neither a number of runs, such as 200, nor a time, such as 60s or 5m"
            raise ValueError(message)
        return (int(value), None) if unit is None else (None, value * unit)

    def of_next(self, tests_left: int, now: float) -> Budget:
        """Return what the next of so many tests may cost."""
        tests_left = max(1, tests_left)
        return Budget(
            None if self.runs is None else -(-self.runs // tests_left),
            None if self.until is None else now + max(0.0, self.until - now) / tests_left,
        )

    def is_spent(self, now: float) -> bool:
        """Tell whether no other run may begin."""
        return (self.runs is not None and self.runs <= 0) or (self.until is not None and now >= self.until)

    def spend(self) -> None:
        """Note that a run has begun."""
        if self.runs is not None:
            self.runs -= 1
