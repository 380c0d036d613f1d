"""Which test a call belongs to: what an earlier one left running must not reach the state of the next."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from types import FrameType

#: So many ended tests are remembered, to name the one that a late call belongs to.
REMEMBERED = 10_000


#: Of each module whose threads wait for work of anybody: the function in which they do.
_POOLS = {"concurrent.futures.thread": "_worker", "multiprocessing.pool": "worker"}

#: Modules in whose functions such a thread waits.
_WAITING = ("queue", "threading", "multiprocessing.queues", "multiprocessing.connection")


class TooLateError(Exception):
    """A call of a platform whose time is over. Not an `OSError`, so that no client retries it."""


class LateCallError(TooLateError):
    """A thread or a child that an earlier test left running called the platform."""


class ClosedPlatformError(TooLateError):
    """The platform that was called is closed."""


class _Clock:
    """The clock that all processes of a machine share, as it was before any test froze it."""

    now = staticmethod(time.monotonic)


class _Epoch(NamedTuple):
    begun: float
    ended: float
    test: str


class Epochs:
    """The tests of one platform, one after the other.

    A thread belongs to the test in which it was started, or that its starter belongs to; a child to the test in
    which it was born. What was there before, or is made between tests by fixtures of wider scopes, belongs
    to none of them. Of a worker of a pool, what it is busy with at the end of a test belongs to that test.
    """

    def __init__(self) -> None:
        self._test: str | None = None
        self._begun = 0.0
        self._before: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
        self._ended: deque[_Epoch] = deque(maxlen=REMEMBERED)
        self._late: weakref.WeakKeyDictionary[threading.Thread, str] = weakref.WeakKeyDictionary()
        self._busy_before: dict[threading.Thread, FrameType] = {}
        self._busy: weakref.WeakKeyDictionary[threading.Thread, _Work] = weakref.WeakKeyDictionary()

    @property
    def begun(self) -> float | None:
        """When the current test began, by the monotonic clock; None between tests."""
        return None if self._test is None else self._begun

    def begin(self, test: str) -> None:
        """Begin with a test."""
        self._before = weakref.WeakSet(threading.enumerate())
        self._busy_before = _tasks()
        self._test, self._begun = test, _Clock.now()

    def end(self) -> None:
        """End the current test: its threads and children are late from now on."""
        if self._test is None:
            return
        for thread in threading.enumerate():
            if (
                thread not in self._before
                and not _is_of_a_pool(thread)
                and not thread.name.startswith("abeja-emulator")
            ):
                self._late[thread] = self._test
        tasks = _tasks()
        for thread, work in list(self._busy.items()):
            if tasks.get(thread) is not work.task:
                del self._busy[thread]
        for thread, task in tasks.items():
            if self._busy_before.get(thread) is not task:
                self._busy[thread] = _Work(self._test, task)
        self._busy_before = {}
        self._ended.append(_Epoch(self._begun, _Clock.now(), self._test))
        self._test = None

    def inherit(self, thread: threading.Thread) -> None:
        """Note that the current thread starts another: if it is late, so is that one."""
        test = self.left_by(None)
        if test is not None:
            self._late[thread] = test

    def left_by(self, born: float | None) -> str | None:
        """Return the ended test that left running what calls now, or None.

        Args:
            born: when the process that calls was born, by the monotonic clock; None for this process.
        """
        if born is not None:
            return self._ended_around(born)
        if not self._late and not self._busy:
            return None
        thread = threading.current_thread()
        work = self._busy.get(thread)
        if work is not None and _task(thread, sys._getframe()) is work.task:  # noqa: SLF001 - one's own stack
            return work.test
        return self._late.get(thread)

    def check(self, born: float | None) -> None:
        """Check that a call does not come late.

        Args:
            born: see `left_by`.

        Raises:
            LateCallError: when it comes from what an earlier test left running; it names that test.
        """
        test = self.left_by(born)
        if test is not None:
            raise LateCallError(_sentence("thread" if born is None else "child", test))

    def _ended_around(self, moment: float) -> str | None:
        """Return the ended test during which that moment was, or None."""
        ended = list(self._ended)
        place = bisect_right([epoch.begun for epoch in ended], moment) - 1
        return ended[place].test if place >= 0 and moment <= ended[place].ended else None


class _Work(NamedTuple):
    """What a worker of a pool was busy with when a test ended."""

    test: str
    task: FrameType


def _tasks() -> dict[threading.Thread, FrameType]:
    """Return what the workers of pools are busy with."""
    workers = [thread for thread in threading.enumerate() if _is_of_a_pool(thread)]
    if not workers:
        return {}
    frames = sys._current_frames()  # noqa: SLF001 - nothing else tells what another thread is doing
    tasks = ((thread, _task(thread, frames.get(thread.ident or 0))) for thread in workers)
    return {thread: task for thread, task in tasks if task is not None}


def _pool_of(thread: threading.Thread) -> str | None:
    """Return the module of the pool that a thread works for, or None: it works for whoever gives it work."""
    module: Any = getattr(getattr(thread, "_target", None), "__module__", None)
    return module if module in _POOLS else None


def _is_of_a_pool(thread: threading.Thread) -> bool:
    return _pool_of(thread) is not None


def _task(thread: threading.Thread, frame: FrameType | None) -> FrameType | None:
    """Return the outermost frame of what a worker of a pool is busy with, or None while it waits for work."""
    pool, inner = _pool_of(thread), None
    while pool is not None and frame is not None:
        module = frame.f_globals.get("__name__")
        if module == pool and frame.f_code.co_name == _POOLS[pool]:
            waits = inner is None or inner.f_globals.get("__name__") in _WAITING
            return None if waits else inner
        inner, frame = frame, frame.f_back
    return None


def _sentence(what: str, test: str) -> str:
    return (
        f"a {what} that {test} left running called the platform after that test had ended, when its state was gone; "
        f"let the test wait for the {what}, or end it"
    )
