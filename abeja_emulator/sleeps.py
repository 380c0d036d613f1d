"""Who slept on a virtual clock, when and how long."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass

#: How many sleeps are remembered; older ones are forgotten so that a long run does not grow.
REMEMBERED = 10_000


@dataclass(frozen=True)
class Sleep:
    """One sleep.

    Attributes:
        at: when it began, seconds since the epoch by the Platform's clock.
        seconds: how long it was meant to be.
        why: `back-off` or `Retry-After` of urllib3, the name of another library that tries again (`retrying`),
            `time.sleep`, or `latency` of an answer.
        where: the module and function that slept, and the line; empty when nobody knows.
        who: empty for the main thread, else the name of the thread, or `child` and a process id.
    """

    at: float
    seconds: float
    why: str = "time.sleep"
    where: str = ""
    who: str = ""

    def __str__(self) -> str:
        # That of a client is always in the same line of it.
        place = f" in {self.where}" if self.where and self.why == "time.sleep" else ""
        who = f", {self.who}" if self.who else ""
        return f"slept {self.seconds:.10g} s ({self.why}{place}{who})"


class Sleeps:
    """The last sleeps, oldest first; threads may add to it at once."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._entries: deque[tuple[int, Sleep]] = deque(maxlen=REMEMBERED)

    def add(self, sleep: Sleep) -> None:
        """Remember a sleep."""
        self._entries.append((next(self._numbers), sleep))

    @property
    def total(self) -> int:
        """How many sleeps there were, those that were forgotten included."""
        return self._entries[-1][0] if self._entries else 0

    def since(self, total: int) -> list[Sleep]:
        """Return the sleeps after the first `total` ones, as far as they are remembered."""
        return [sleep for number, sleep in list(self._entries) if number > total]
