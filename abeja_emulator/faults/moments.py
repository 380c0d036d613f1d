"""When a fault fires: at which of the calls that it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional, Union

#: How calls may be said: one number, several, or text such as `1-3,7`.
Calls = Union[int, str, "list[int]", "tuple[int, ...]", "range"]

_SPAN = re.compile(r"(\d+)(?:-(\d+)?)?")


@dataclass(frozen=True)
class Moment:
    """At which calls a fault fires; a call has to fit all that is said.

    Attributes:
        spans: numbers of calls, from 1, each pair the first and the last of some; a last of None: and all later ones.
        every: at every so many-th call.
        times: at most that often.
        after_bytes: once the calls before have carried that many bytes, bodies of both directions.
        while_job: while a training job has that status.
    """

    spans: tuple[tuple[int, Optional[int]], ...] = ()
    every: Optional[int] = None
    times: Optional[int] = None
    after_bytes: Optional[int] = None
    while_job: Optional[str] = None

    def has_come(self, call: int, fired: int, carried: int) -> bool:
        """Tell whether a call is one, but for the status of a job.

        Args:
            call: its number among those the fault is about, from 1.
            fired: how often it fired before.
            carried: bytes that the calls before have carried.
        """
        if self.times is not None and fired >= self.times:
            return False
        if self.after_bytes is not None and carried < self.after_bytes:
            return False
        if self.every is not None and call % self.every:
            return False
        return not self.spans or any(first <= call and (last is None or call <= last) for first, last in self.spans)

    def is_over(self, calls: int, fired: int) -> bool:
        """Tell whether no later call can be one.

        Args:
            calls: how many there were.
            fired: how often it fired.
        """
        if self.times is not None and fired >= self.times:
            return True
        return bool(self.spans) and all(last is not None and last <= calls for _, last in self.spans)

    def __str__(self) -> str:
        said = [] if not self.spans else [f"calls={_text(self.spans)}"]
        for name in ("every", "times", "after_bytes", "while_job"):
            value = getattr(self, name)
            if value is not None:
                said.append(f"{name}={value}")
        return " ".join(said)


def spans_of(calls: Calls) -> tuple[tuple[int, Optional[int]], ...]:
    """Return the spans that numbers of calls say: `2`, `[1, 2]`, `"1-3,7"`, `"4-"` (the fourth and all later ones).

    Raises:
        ValueError: when they are none; calls are counted from 1.
    """
    parts = calls.split(",") if isinstance(calls, str) else [str(call) for call in _listed(calls)]
    spans = []
    if not parts:
        message = f"calls={calls!r} are none at all"
        raise ValueError(message)
    for part in parts:
        found = _SPAN.fullmatch(part.strip())
        first = int(found[1]) if found else 0
        last = None if found is None else int(found[2]) if found[2] else None if part.strip().endswith("-") else first
        if not first or (last is not None and last < first):
            message = (
                f"calls={calls!r} are no numbers of calls; they are counted from 1, such as 2, [1, 2], '1-3,7' or '4-'"
            )
            raise ValueError(message)
        spans.append((first, last))
    return tuple(spans)


def _listed(calls: Calls) -> list[object]:
    if isinstance(calls, int) or not hasattr(calls, "__iter__"):
        return [calls]
    return list(calls)


def _text(spans: tuple[tuple[int, Optional[int]], ...]) -> str:
    return ",".join(
        f"{first}-" if last is None else str(first) if first == last else f"{first}-{last}" for first, last in spans
    )
