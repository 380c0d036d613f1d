"""Virtual time: sleeps of this process and its children let the time of a Platform's clock pass.

What Python says of the time is not touched, so that freezegun and time-machine stay the user's own. One rule
decides: the Platform's time is `datetime.now(utc)` plus the clock's offset, and sleeps move the offset only.
"""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Callable

from abeja_emulator.transports.child.abeja_emulator_child import VIRTUAL, Birth, tell_sleep
from abeja_emulator.transports.child.abeja_emulator_child_time import ParentClock, SleepHook

if TYPE_CHECKING:
    import datetime

    from typing_extensions import Self

    from abeja_emulator.clock import Clock
    from abeja_emulator.epochs import Epochs
    from abeja_emulator.sleeps import Sleep
    from abeja_emulator.transports.child.abeja_emulator_child_time import ChildSleep


class ChildSleeps:
    """Takes the sleeps of children.

    Args:
        clock: whose time they let pass.
        epochs: tells what an earlier test left running; that lets no time pass.
    """

    def __init__(self, clock: Clock, epochs: Epochs) -> None:
        self._clock = clock
        self._epochs = epochs

    def take(self, sleep: ChildSleep, has_gone: Callable[[], bool]) -> float:
        """Sleep as a child does, unless it has gone, and return the offset of the clock after that."""
        clock = self._clock
        if sleep.drives and self._epochs.left_by(sleep.born) is None:
            who = f"child {sleep.process}"
            clock.sleep(sleep.seconds, why=sleep.why, where=sleep.where, who=who, job=sleep.job, until=has_gone)
        else:
            clock.watch(sleep.seconds, has_gone)
        return clock.offset


class VirtualTime:
    """Lets sleeps pass at once while it is entered, and shows what was slept.

    It stands in the place of `time.sleep`, with which urllib3 and the SDK wait before they try again, also under
    other names in modules that have imported it. A sleep drives the clock when it is one of the main thread, of
    the thread that entered this, or of a library that tries again, in whatever thread. Any other one takes its
    real time, unless somebody else lets it pass.

    Args:
        clock: becomes virtual.
        epochs: tells what an earlier test left running; that lets no time pass.
        loopback: where processes that are forked from this one reach it.
    """

    def __init__(self, clock: Clock, epochs: Epochs, loopback: Callable[[], tuple[str, int]]) -> None:
        self._clock = clock
        self._epochs = epochs
        self._loopback = loopback
        self._hook = SleepHook(self._take)
        self._pid = os.getpid()
        self._slept_before = clock.sleeps.total
        self._offset_before = clock.offset
        self._stack = ExitStack()

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once.

        Raises:
            ValueError: when `seconds` is negative.
            OverflowError: when that is later than a date can be.
        """
        self._clock.advance(seconds)

    def now(self) -> datetime.datetime:
        """Return the time on the Platform, aware, in UTC."""
        return self._clock.now()

    @property
    def offset(self) -> float:
        """Seconds by which the Platform is ahead of the machine; an earlier test of a run may have begun it."""
        return self._clock.offset

    @property
    def passed(self) -> float:
        """Seconds that were let pass since this began: by sleeps, `advance`, and jobs of the virtual mode."""
        return self._clock.offset - self._offset_before

    @property
    def slept(self) -> list[Sleep]:
        """Who slept, in the order in which they began: `seconds`, `why`, `where`, `who`, `at`."""
        return self._clock.sleeps.since(self._slept_before)

    @property
    def slept_seconds(self) -> float:
        """How long they slept, in all."""
        return sum(sleep.seconds for sleep in self.slept)

    def __enter__(self) -> Self:
        self._pid = os.getpid()
        self._slept_before = self._clock.sleeps.total
        self._offset_before = self._clock.offset
        self._stack.callback(setattr, self._clock, "virtual", self._clock.virtual)
        self._clock.virtual = True
        self._stack.callback(_set_variable, os.environ.get(VIRTUAL))
        _set_variable("1")
        self._stack.callback(self._hook.remove)
        self._hook.install()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def __repr__(self) -> str:
        return f"<VirtualTime {self.now():%Y-%m-%d %H:%M:%S}: {self.slept_seconds:.10g} s slept>"

    def _take(self, seconds: float, drives: bool, why: str, where: str) -> object:  # noqa: FBT001 - as it is called
        if os.getpid() != self._pid:
            # The clock is a copy, and its lock may have been held when this process was forked.
            address = self._loopback()
            begun = self._epochs.begun
            born = Birth.now() if begun is None else begun
            parent = ParentClock(lambda line: tell_sleep(address, line), lambda: born)
            return parent.sleep(seconds, drives, why, where)
        if not drives or self._epochs.left_by(None) is not None:
            self._clock.wait(seconds, lambda: False)
            return None
        thread = threading.current_thread()
        who = "" if thread is threading.main_thread() else thread.name
        self._clock.sleep(seconds, why=why, where=where, who=who)
        return None


def _set_variable(value: str | None) -> None:
    if value is None:
        os.environ.pop(VIRTUAL, None)
    else:
        os.environ[VIRTUAL] = value
