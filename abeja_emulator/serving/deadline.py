"""By when an answer has to be there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abeja_emulator.clock import Clock

#: Real seconds after which one who waits looks at the Platform's clock again, which may have been advanced.
_PACE = 0.05


class Deadline:
    """Seconds that pass by the Platform's clock, or for real where somebody has frozen the machine's.

    Args:
        clock: of the Platform.
        seconds: until then; None for no end.
    """

    _real = staticmethod(time.monotonic)

    def __init__(self, clock: Clock, seconds: float | None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._begun, self._truly = clock.timestamp(), self._real()

    def wait(self) -> float:
        """Return how many seconds to wait before looking again; it is a moment.

        Raises:
            TimeoutError: when it has passed.
        """
        if self._seconds is None:
            return _PACE
        gone = max(self._clock.timestamp() - self._begun, self._real() - self._truly)
        if gone >= self._seconds:
            raise TimeoutError
        return min(self._seconds - gone, _PACE)
