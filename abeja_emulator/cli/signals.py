"""SIGINT and SIGTERM, noted while something is done that has to be ended in its own way."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.exits import DONE, INTERRUPTED, TERMINATED, Terminated

if TYPE_CHECKING:
    from types import FrameType

    from typing_extensions import Self

#: What runs a command for others may send a signal twice, to it and to its group; seconds.
_TWICE = 1.0

#: Seconds after which the main thread looks whether one has come that did not wake it.
_LOOK = 0.5

#: Exit code of a command that a signal has ended.
_CODES: dict[int, int] = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}


class Signals:
    """Notes which of them came first; once one has come, the command is about to end, and others change nothing.

    Attributes:
        number: of the signal that came first, or None.
        again: whether a person asked once more.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.again = False
        self._at = 0.0
        self._came = threading.Event()
        self._previous: dict[int, Any] = {}

    @property
    def code(self) -> int:
        """Exit code of a command that one has ended, `exits.DONE` while none has come."""
        return DONE if self.number is None else _CODES[self.number]

    def check(self) -> None:
        """End the command if one has come.

        Raises:
            KeyboardInterrupt: when that was SIGINT.
            Terminated: when it was SIGTERM.
        """
        if self.number is not None:
            raise KeyboardInterrupt if self.number == signal.SIGINT else Terminated

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until one has come, or for so many seconds, and return whether one has."""
        if timeout is not None:
            return self._came.wait(timeout)
        # Never for ever at once: a signal that another thread takes, or that comes just before the main one blocks,
        # does not wake that, and only then is it noted.
        while not self._came.wait(_LOOK):
            pass
        return True

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.number is None:
            self.number, self._at = number, time.monotonic()
            self._came.set()
        elif time.monotonic() - self._at > _TWICE:
            self.again = True

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler if self.number is None else signal.SIG_IGN)
