"""The one source of time of a Platform."""

from __future__ import annotations

import datetime
import threading
import time
from contextlib import contextmanager
from threading import Condition
from typing import TYPE_CHECKING, Callable

from abeja_emulator.sleeps import Sleep, Sleeps

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Real seconds without anything happening, after which a virtual clock goes on: time for other threads to do something.
_MOMENT = 0.001

#: Real seconds after which it is looked again, whatever happens.
_PACE = 0.05


class Clock:
    """Time as a Platform sees it: the machine's time plus an offset that only grows.

    The machine's time is read as `datetime.now(utc)` and in no other way, because a frozen
    `time.time()` (freezegun) shows the real time near threads while `datetime.now` stays frozen.

    A virtual clock lets the time of a sleep pass at once. Of several who sleep, the one who wakes up first
    lets it pass, so that they wake up in their order. It does not overtake work (`working`): meanwhile a sleep
    takes its real time, at most, for as long as there is work.

    Attributes:
        sleeps: who slept while it was virtual.
    """

    _real = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self._virtual = False
        self.sleeps = Sleeps()
        self._offset = datetime.timedelta()
        self._changed = Condition()
        self._sleepers: list[_Sleeper] = []
        self._workers: dict[int, _Worker] = {}

    @property
    def virtual(self) -> bool:
        """Whether whoever sleeps on this clock lets the time pass instead of waiting for it."""
        return self._virtual

    @virtual.setter
    def virtual(self, virtual: bool) -> None:
        self._virtual = virtual
        # Who sleeps goes on in the other way.
        self.wake()

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
            for worker in self._workers.values():
                # It has not woken up yet, but there is work again from now on.
                if worker.alarm is not None and worker.alarm <= offset:
                    worker.alarm = None
            self._changed.notify_all()

    def sleep(  # noqa: PLR0913 - all but the first by name
        self,
        seconds: float,
        *,
        why: str = "latency",
        where: str = "",
        who: str = "",
        job: str | None = None,
        until: Callable[[], bool] = bool,
    ) -> None:
        """Let `seconds` pass: at once when the clock is virtual, else by waiting, for real or until `advance`.

        Args:
            seconds: how long.
            why: see `Sleep`.
            where: see `Sleep`.
            who: see `Sleep`.
            job: id of the job, run or service that sleeps, and does no work meanwhile.
            until: says when it is enough.

        Raises:
            ValueError: when `seconds` is negative.
            OverflowError: when that is later than a date can be, or longer than the system can wait.
        """
        if seconds < 0:
            message = f"nobody can sleep for less than no time: sleep({seconds}) is negative"
            raise ValueError(message)
        end = self.now() + datetime.timedelta(seconds=seconds)
        if self.virtual:
            self.sleeps.add(Sleep(self.timestamp(), seconds, why, where, who))
            if self._sleep_virtually(seconds, job, until):
                return
            # It has become real in the meantime.
        self.watch((end - self.now()).total_seconds(), until)

    def wait(self, seconds: float, until: Callable[[], bool]) -> bool:
        """Wait until `seconds` have passed, for real or by `advance`, or `until` says enough.

        Where somebody has frozen the machine's time, real seconds count all the same.

        Returns:
            Whether `until` said so. It is asked again when `wake` is called.
        """
        return self._wait(seconds, until, None)

    def wait_idly(self, seconds: float, until: Callable[[], bool]) -> bool:
        """Wait as `wait` does, where nothing is done meanwhile but that time passes.

        A thread that is `working` does not hold up a virtual clock then, which wakes it up when its time has come.
        """
        return self._wait(seconds, until, self._workers.get(threading.get_ident()))

    def watch(self, seconds: float, until: Callable[[], bool]) -> bool:
        """Wait as `wait` does, where nobody calls `wake`: `until` is asked again and again."""
        end, truly = self.now() + datetime.timedelta(seconds=seconds), self._real() + seconds
        while not until():
            left = min((end - self.now()).total_seconds(), truly - self._real())
            if left <= 0:
                return False
            self.wait(min(left, _PACE), until)
        return True

    def _wait(self, seconds: float, until: Callable[[], bool], worker: _Worker | None) -> bool:
        length = datetime.timedelta(seconds=seconds)
        end, truly = self.now() + length, self._real() + seconds
        with self._changed:
            alarm = self._offset + length
            if worker is not None:
                worker.alarm = alarm
                self._changed.notify_all()
            try:
                while not until():
                    left = min((end - self.now()).total_seconds(), truly - self._real())
                    if left <= 0:
                        return False
                    if worker is None or not (self.virtual and self._sleepers):
                        self._changed.wait(left)
                    else:
                        self._go_on(alarm, left)
            finally:
                if worker is not None:
                    worker.alarm = None
        return True

    @contextmanager
    def working(self, job: str | None = None) -> Iterator[None]:
        """Let a virtual clock not overtake what the current thread does, but while it waits (`wait_idly`).

        Args:
            job: id of the job, run or service that the work is done for; while that sleeps there is none.
        """
        thread = threading.get_ident()
        with self._changed:
            before, self._workers[thread] = self._workers.get(thread), _Worker(job)
        try:
            yield
        finally:
            with self._changed:
                if before is None:
                    del self._workers[thread]
                else:
                    self._workers[thread] = before
                self._changed.notify_all()

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Let a virtual clock go on while the current thread waits for what others do in their time."""
        sleeper = _Sleeper(None)
        self._add(sleeper)
        try:
            yield
        finally:
            self._remove(sleeper)

    def wake(self) -> None:
        """Let all who wait ask again whether it is enough."""
        with self._changed:
            self._changed.notify_all()

    @property
    def offset(self) -> float:
        """Seconds by which this clock is ahead of the machine's."""
        return self._offset.total_seconds()

    def _sleep_virtually(self, seconds: float, job: str | None, until: Callable[[], bool]) -> bool:
        """Sleep until the offset has grown by `seconds`, or they have passed for real; tell whether it was enough."""
        length = datetime.timedelta(seconds=seconds)
        truly = self._real() + seconds
        with self._changed:
            end = self._offset + length
            sleeper = _Sleeper(end, job)
            self._add(sleeper)
            try:
                while self.virtual and self._offset < end and not until():
                    left = truly - self._real()
                    if left <= 0:
                        return True
                    self._go_on(end, left)
            finally:
                self._remove(sleeper)
            return self._offset >= end or until()

    def _add(self, sleeper: _Sleeper) -> None:
        with self._changed:
            self._sleepers.append(sleeper)
            self._changed.notify_all()

    def _remove(self, sleeper: _Sleeper) -> None:
        with self._changed:
            self._sleepers = [each for each in self._sleepers if each is not sleeper]
            self._changed.notify_all()

    def _go_on(self, end: datetime.timedelta, left: float) -> None:
        """Wait a moment; if nothing has happened in it, and nobody wakes up before `end`, let the offset be that."""
        if not self._may_be(end):
            self._changed.wait(min(left, _PACE))
        elif not self._changed.wait(min(left, _MOMENT)) and self._may_be(end):
            self.advance(max(0.0, (end - self._offset).total_seconds()))

    def _may_be(self, end: datetime.timedelta) -> bool:
        """Tell whether the offset may grow so far: nobody is at work, and nobody wakes up before."""
        asleep = {sleeper.job for sleeper in self._sleepers if sleeper.job is not None}
        if any(worker.alarm is None and worker.job not in asleep for worker in self._workers.values()):
            return False
        ends = [sleeper.end for sleeper in self._sleepers] + [worker.alarm for worker in self._workers.values()]
        return all(other is None or end <= other for other in ends)


class _Sleeper:
    """One who sleeps, for a job or for none, until the offset is `end`; None: until something has happened."""

    __slots__ = ("end", "job")

    def __init__(self, end: datetime.timedelta | None, job: str | None = None) -> None:
        self.end = end
        self.job = job


class _Worker:
    """A thread with something to do, for a job or for none; with an alarm it waits until the offset is that."""

    __slots__ = ("alarm", "job")

    def __init__(self, job: str | None) -> None:
        self.alarm: datetime.timedelta | None = None
        self.job = job


def iso(moment: datetime.datetime) -> str:
    """Return `moment` the way the store keeps it: UTC, microseconds, sortable as text."""
    # Not strftime: it writes the year 999 with three digits, which sort behind those of 2024.
    return moment.astimezone(datetime.timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds")
