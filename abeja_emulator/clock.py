"""The one source of time of a Platform."""

from __future__ import annotations

import datetime
from threading import Lock


class Clock:
    """Time as a Platform sees it: the machine's time plus an offset that only grows.

    The machine's time is read as `datetime.now(utc)` and in no other way, because a frozen
    `time.time()` (freezegun) shows the real time near threads while `datetime.now` stays frozen.
    """

    def __init__(self) -> None:
        self._offset = datetime.timedelta()
        self._lock = Lock()

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
        with self._lock:
            offset = self._offset + datetime.timedelta(seconds=seconds)
            # Raises here, and not at every later look at the clock.
            datetime.datetime.now(datetime.timezone.utc) + offset
            self._offset = offset

    @property
    def offset(self) -> float:
        """Seconds by which this clock is ahead of the machine's."""
        return self._offset.total_seconds()


def iso(moment: datetime.datetime) -> str:
    """Return `moment` the way the store keeps it: UTC, microseconds, sortable as text."""
    # Not strftime: it writes the year 999 with three digits, which sort behind those of 2024.
    return moment.astimezone(datetime.timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds")
