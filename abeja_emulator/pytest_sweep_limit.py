"""The time that a run of a sweep may take: what takes longer is ended, with the processes it has started."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from _pytest.outcomes import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

    from typing_extensions import Self

#: Seconds after which it is tried again, when somebody has swallowed the exception.
_AGAIN = 5.0

_PROC = Path("/proc")


class TookTooLong(Failed):
    """A run was ended. No `Exception`, so that no handler takes it for an error of its own."""


class Limit:
    """Ends what takes too long, while it is entered; in the main thread only.

    Args:
        seconds: how long it may take.

    Attributes:
        is_over: whether it took longer.
    """

    #: As it was before any test froze it.
    _now = staticmethod(time.monotonic)

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._armed = False
        self._before: object = None
        self._children = set(_descendants())
        self.is_over = False

    @staticmethod
    def works_here() -> bool:
        """Tell whether it can end anything: there are signals, and this is the main thread."""
        return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGALRM, self._ring)
        self._armed = True
        signal.setitimer(signal.ITIMER_REAL, self._seconds, _AGAIN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)  # type: ignore[arg-type]
        if self.is_over:
            self._end_children()

    def _ring(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._armed:
            self.is_over = True
            message = f"it took longer than {self._seconds:g} s"
            raise TookTooLong(message, pytrace=False)

    def _end_children(self) -> None:
        """Kill the processes that were started meanwhile; what a wider fixture has started goes on."""
        for pid in set(_descendants()) - self._children:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _descendants() -> Iterator[int]:
    """Yield the processes below this one; where the system does not tell, those of multiprocessing."""
    parents: dict[int, list[int]] = {}
    for path in _PROC.glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            # The name, in brackets, may have spaces and brackets itself.
            parents.setdefault(int(path.read_text(errors="replace").rpartition(")")[2].split()[1]), []).append(
                int(path.parent.name)
            )
    if not parents:
        yield from (process.pid for process in multiprocessing.active_children() if process.pid is not None)
        return
    unseen = [os.getpid()]
    while unseen:
        children = parents.get(unseen.pop(), [])
        yield from children
        unseen.extend(children)
