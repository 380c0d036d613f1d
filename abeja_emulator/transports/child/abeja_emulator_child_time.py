"""The sleeps of one Python process: whose they are, and who lets their time pass.

This module is standard library only and runs on Python 3.6 to 3.13, beside `abeja_emulator_child.py`, which brings
it into a child when the platform's clock is virtual; in the test's own process `VirtualTime` uses the same class.

A sleep drives the clock when it is one of the main thread, or of a library that waits before it tries again,
in whatever thread. Any other thread must not: one that wakes up every second for ever would let days pass.
"""

import os
import sys
import time
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Callable, Optional

#: First word of the line with which a child says that it sleeps.
SLEEP = "ABEJA-EMULATOR-SLEEP/1"

#: Variables of which one is the id of the run, the service or the job that a child belongs to.
_JOBS = ("ABEJA_RUN_ID", "ABEJA_SERVICE_ID", "TRAINING_JOB_ID")

#: In that line, for what is not known.
_NOTHING = "-"

#: What waits before it tries again; any module below counts as the package does.
_CLIENTS = ("retrying", "tenacity", "backoff", "botocore", "s3transfer")

#: The module in which urllib3 waits, also a copy of it within another package.
_URLLIB3 = "urllib3.util.retry"

#: Whose own sleeps are real: they are ours, run tests, or look again and again for what a process does.
_MACHINERY = (
    "abeja_emulator",
    "_pytest",
    "execnet",
    "filelock",
    "pluggy",
    "psutil",
    "pytest",
    "pytest_timeout",
    "subprocess",
    "xdist",
)

#: The module of ours in which a client waits for an answer that comes late on purpose.
_LATENCY = "abeja_emulator_child"


class ChildSleep:
    """A sleep in a child.

    Attributes:
        seconds: how long.
        drives: whether it drives the clock.
        born: when the process was born, by the monotonic clock.
        process: id of the process.
        job: id of the run, the service or the job that it belongs to, or None.
        why: see `Sleep`.
        where: see `Sleep`.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a sleep is made of
        self,
        seconds: float,
        drives: bool,  # noqa: FBT001 - the same
        born: float,
        process: int,
        job: "Optional[str]",
        why: str,
        where: str,
    ) -> None:
        self.seconds = seconds
        self.drives = drives
        self.born = born
        self.process = process
        self.job = job
        self.why = why
        self.where = where

    def to_line(self) -> str:
        """Return it as one line, for a child to tell its parent."""
        words = [repr(float(self.seconds)), str(int(self.drives)), repr(self.born), str(self.process)]
        words += [self.job or _NOTHING, self.why, self.where]
        return " ".join([SLEEP] + ["".join(word.split()) or _NOTHING for word in words])

    @staticmethod
    def from_line(line: str) -> "ChildSleep":
        """Return the sleep that `to_line` wrote.

        Raises:
            ValueError: when it wrote something else.
        """
        _, seconds, drives, born, process, job, why, where = line.split(" ")
        length = float(seconds)
        if not 0 <= length < float("inf"):
            raise ValueError(seconds)
        known = None if job == _NOTHING else job
        return ChildSleep(length, drives == "1", float(born), int(process), known, why, where)


def job_of(environment: "Mapping[str, str]") -> "Optional[str]":
    """Return the id of the run, the service or the job that a process of that environment belongs to, or None."""
    for name in _JOBS:
        if environment.get(name):
            return environment[name]
    return None


class SleepHook:
    """Stands in the place of `time.sleep`, also under the names that modules have imported it by.

    It is no function of Python: one that a class keeps as an attribute would become its method, and the
    built-in does not. Who has kept it after `remove` has the original.

    Args:
        take: takes a sleep, as `take(seconds, drives, why, where)`, and returns when it is over, or tells with False
            that the original is to do it.
    """

    __name__ = __qualname__ = "sleep"

    def __init__(self, take: "Callable[[float, bool, str, str], object]") -> None:
        self._take = take
        self._entered_by = get_ident()
        self._installed = False
        self._original = time.sleep  # type: Any
        self.__module__ = "time"
        self.__doc__ = time.sleep.__doc__
        self.__wrapped__ = time.sleep

    def install(self) -> None:
        """Take the place of `time.sleep`."""
        before = time.sleep  # type: Any
        # Who undoes a change of their own after the end of another may have put that one back.
        while isinstance(before, SleepHook) and before.is_removed:
            before = before.__wrapped__
        self._original = self.__wrapped__ = before
        self._entered_by = get_ident()
        self._installed = True
        self._exchange(before, self)
        time.sleep = self

    @property
    def is_removed(self) -> bool:
        """Whether the original sleeps in its place."""
        return not self._installed

    def remove(self) -> None:
        """Put back what was there, in modules that were imported meanwhile as well, unless somebody else has."""
        self._installed = False
        self._exchange(self, self._original)

    @staticmethod
    def _exchange(old: "Any", new: "Any") -> None:
        for module in list(sys.modules.values()):
            # Some modules are objects without a dictionary, and some import others when they are looked at.
            names = getattr(module, "__dict__", None)
            if type(names) is not dict or _is_one_of(names.get("__name__"), _MACHINERY):
                continue
            # A copy, since other threads import meanwhile.
            for name in [name for name, value in names.copy().items() if value is old]:
                names[name] = new

    def __call__(self, seconds: "Any") -> None:
        """Sleep, as `time.sleep` does."""
        frame = sys._getframe(1)  # noqa: SLF001 - whoever calls decides whose sleep it is
        module = str(frame.f_globals.get("__name__"))
        # What it refuses, or takes no time for, it does itself; as a number it takes whatever is one.
        why = _why(module, frame.f_code.co_name)
        if not (self._installed and why and _is_length(seconds)):
            self._original(seconds)
            return
        place = "{}.{}:{}".format(module, frame.f_code.co_name, frame.f_lineno)
        drives = why != "time.sleep" or self._is_of_main_thread()
        if self._take(float(seconds), drives, why, place) is False:
            self._original(seconds)

    def _is_of_main_thread(self) -> bool:
        # Where nobody has imported it there is no other thread, but for those of C.
        threading = sys.modules.get("threading")  # type: Any
        thread = get_ident()
        return thread == self._entered_by or threading is None or thread == threading.main_thread().ident

    def __reduce__(self) -> str:
        return "sleep"

    def __repr__(self) -> str:
        return repr(self._original)


def follow(tell: "Callable[[str], Optional[str]]", born: "Callable[[], float]") -> None:
    """Let the sleeps of this process be those of the platform's clock, for as long as it lives.

    Args:
        tell: sends a line and returns the answer when the sleep is over, or None when nobody answers.
        born: returns when this process was born.
    """
    ChildSleepHook(ParentClock(tell, born)).install()


class ParentClock:
    """The platform's clock in another process.

    Attributes:
        offset: seconds by which it was ahead of the machine's when a sleep was over.
    """

    def __init__(self, tell: "Callable[[str], Optional[str]]", born: "Callable[[], float]") -> None:
        self.offset = 0.0
        self._tell = tell
        self._born = born

    def sleep(self, seconds: float, drives: bool, why: str, where: str) -> bool:  # noqa: FBT001 - as it is called
        """Sleep by that clock; return False when nobody answers."""
        sleep = ChildSleep(seconds, drives, self._born(), os.getpid(), job_of(os.environ), why, where)
        answer = self._tell(sleep.to_line())
        if answer is None:
            return False
        self.offset = float(answer)
        return True


class ChildSleepHook(SleepHook):
    """Sleeps by the platform's clock in another process, and knows how far that is ahead."""

    def __init__(self, clock: ParentClock) -> None:
        super().__init__(clock.sleep)
        self._clock = clock

    @property
    def offset(self) -> float:
        """Seconds by which the platform's clock is ahead of the machine's, as far as this process was told."""
        return self._clock.offset


def _is_length(seconds: "Any") -> bool:
    kind = type(seconds)
    if not (hasattr(kind, "__float__") or hasattr(kind, "__index__")):
        return False
    return 0 < float(seconds) < float("inf")


def _is_one_of(module: "Any", packages: "tuple[str, ...]") -> bool:
    return isinstance(module, str) and module.partition(".")[0] in packages


def _why(module: str, function: str) -> str:
    """Return what a function sleeps for; empty for one whose sleeps are real."""
    if module.endswith(_LATENCY):
        return "latency"
    if _is_one_of(module, _MACHINERY):
        return ""
    if module.endswith(_URLLIB3):
        return "Retry-After" if function == "sleep_for_retry" else "back-off"
    return module.partition(".")[0] if _is_one_of(module, _CLIENTS) else "time.sleep"
