"""The one source of time of a Platform."""

from __future__ import annotations

import datetime
import time
from threading import Condition
from typing import Callable


class Clock:
    """Time as a Platform sees it: the machine's time plus an offset that only grows.

    The machine's time is read as `datetime.now(utc)` and in no other way, because a frozen
    `time.time()` (freezegun) shows the real time near threads while `datetime.now` stays frozen.
    """

    _real = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self._offset = datetime.timedelta()
        self._changed = Condition()

    def now(self) -> datetime.datetime:
        """Return the time, aware, in UTC."""
        return datetime.datetime.now(datetime.timezone.utc) + self._offset

    def timestamp(self) -> float:
        """Return the time in seconds since the epoch."""
        return self.now().timestamp()

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once.

        Raises:
            ValueError: when `seconds` is negative; what has happened stays in the past.
            OverflowError: when that is later than a date can be.
        """
        if seconds < 0:
            message = f"time does not run backwards: advance({seconds}) is negative"
            raise ValueError(message)
        with self._changed:
            offset = self._offset + datetime.timedelta(seconds=seconds)
            # Raises here, and not at every later look at the clock.
            datetime.datetime.now(datetime.timezone.utc) + offset
            self._offset = offset
            self._changed.notify_all()

    def wait(self, seconds: float, until: Callable[[], bool]) -> bool:
        """Wait until `seconds` have passed, for real or by `advance`, or `until` says enough.

        Where somebody has frozen the machine's time, real seconds count all the same.

        Returns:
            Whether `until` said so. It is asked again when `wake` is called.
        """
        end, truly = self.now() + datetime.timedelta(seconds=seconds), self._real() + seconds
        with self._changed:
            while not until():
                left = min((end - self.now()).total_seconds(), truly - self._real())
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def wake(self) -> None:
        """Let all who wait ask again whether it is enough."""
        with self._changed:
            self._changed.notify_all()

    @property
    def offset(self) -> float:
        """Seconds by which this clock is ahead of the machine's."""
        return self._offset.total_seconds()


def iso(moment: datetime.datetime) -> str:
    """Return `moment` the way the store keeps it: UTC, microseconds, sortable as text."""
    # Not strftime: it writes the year 999 with three digits, which sort behind those of 2024.
    return moment.astimezone(datetime.timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds")
