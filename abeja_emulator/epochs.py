"""Which test a call belongs to: what an earlier one left running must not reach the state of the next."""

from __future__ import annotations

import threading
import time
import weakref
from bisect import bisect_right
from collections import deque
from typing import NamedTuple

#: So many ended tests are remembered, to name the one that a late call belongs to.
REMEMBERED = 10_000


#: Modules whose threads wait for work of anybody.
_POOLS = ("concurrent.futures.thread", "multiprocessing.pool")


class LateCallError(Exception):
    """A thread or a child that an earlier test left running called the platform.

    Not an `OSError`, so that no client retries it.
    """


class _Clock:
    """The clock that all processes of a machine share, as it was before any test froze it."""

    now = staticmethod(time.monotonic)


class _Epoch(NamedTuple):
    begun: float
    ended: float
    test: str


class Epochs:
    """The tests of one platform, one after the other.

    A thread belongs to the test in which it was started (a worker of a pool to nobody), a child to the test
    in which it was born; what was there before, or is made between tests by fixtures of wider scopes, belongs
    to none of them.
    """

    def __init__(self) -> None:
        self._test: str | None = None
        self._begun = 0.0
        self._before: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
        self._ended: deque[_Epoch] = deque(maxlen=REMEMBERED)
        self._late: weakref.WeakKeyDictionary[threading.Thread, str] = weakref.WeakKeyDictionary()

    @property
    def begun(self) -> float | None:
        """When the current test began, by the monotonic clock; None between tests."""
        return None if self._test is None else self._begun

    def begin(self, test: str) -> None:
        """Begin with a test."""
        self._before = weakref.WeakSet(threading.enumerate())
        self._test, self._begun = test, _Clock.now()

    def end(self) -> None:
        """End the current test: its threads and children are late from now on."""
        if self._test is None:
            return
        for thread in threading.enumerate():
            ours = thread.name.startswith("abeja-emulator")
            if thread not in self._before and not ours and not _is_of_a_pool(thread):
                self._late[thread] = self._test
        self._ended.append(_Epoch(self._begun, _Clock.now(), self._test))
        self._test = None

    def check(self, born: float | None) -> None:
        """Check that a call does not come late.

        Args:
            born: when the process that calls was born, by the monotonic clock; None for this process.

        Raises:
            LateCallError: when it comes from what an earlier test left running; it names that test.
        """
        if born is not None:
            test = self._ended_around(born)
            if test is not None:
                raise LateCallError(_sentence("child", test))
        elif self._late:
            test = self._late.get(threading.current_thread())
            if test is not None:
                raise LateCallError(_sentence("thread", test))

    def _ended_around(self, moment: float) -> str | None:
        """Return the ended test during which that moment was, or None."""
        ended = list(self._ended)
        place = bisect_right([epoch.begun for epoch in ended], moment) - 1
        return ended[place].test if place >= 0 and moment <= ended[place].ended else None


def _is_of_a_pool(thread: threading.Thread) -> bool:
    """Tell whether a thread works for whoever gives it work: it may wait for the next test with every right."""
    return getattr(getattr(thread, "_target", None), "__module__", None) in _POOLS


def _sentence(what: str, test: str) -> str:
    return (
        f"a {what} that {test} left running called the platform after that test had ended, when its state was gone; "
        f"let the test wait for the {what}, or end it"
    )
