"""What a job prints: shown as ever, and kept as the lines of its log."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from abeja_emulator.services.training.records import LogLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.clock import Clock


class Log:
    """The lines of a job, in the order in which they were ended.

    Lines of standard output are INFO and of standard error WARNING, as the runner ships them
    (behaviour.md, 1.9).
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, str] = {}
        self._pid = os.getpid()
        self.lines: list[LogLine] = []

    def write(self, level: str, text: str) -> None:
        """Add text; a line is kept once it has ended. A forked child's text is not ours to keep."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            *ended, self._open[level] = (self._open.get(level, "") + text).split("\n")
            now = round(self._clock.timestamp() * 1000)
            # A progress bar writes its line over and over; what remains visible is the last of it.
            self.lines += [
                LogLine(timestamp=now, message=line.rstrip("\r").rpartition("\r")[2], log_level=level) for line in ended
            ]

    def end(self) -> None:
        """End the lines that are still open."""
        for level, rest in list(self._open.items()):
            if rest:
                self.write(level, "\n")


class Tee:
    """A text stream that writes where it always did, and into a log while that is attached."""

    def __init__(self, stream: TextIO, log: Log, level: str) -> None:
        self._stream = stream
        self._log: Log | None = log
        self._level = level

    def write(self, text: str) -> int:
        """Write `text` and return its length."""
        if self._log is not None:
            self._log.write(self._level, text)
        return self._stream.write(text)

    def writelines(self, lines: list[str]) -> None:
        """Write each of `lines`."""
        for line in lines:
            self.write(line)

    def detach_log(self) -> None:
        """Only pass on from now on: a logging handler may keep the stream longer than the job lasts."""
        self._log = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def kept_output(log: Log) -> Iterator[None]:
    """Keep in `log` what is written to `sys.stdout` and `sys.stderr`."""
    before = sys.stdout, sys.stderr
    tees = Tee(sys.stdout, log, "INFO"), Tee(sys.stderr, log, "WARNING")
    sys.stdout, sys.stderr = tees
    try:
        yield
    finally:
        for tee in tees:
            tee.detach_log()
        # A debugger may have put its own streams there, which are not ours to take away.
        if sys.stdout is tees[0]:
            sys.stdout = before[0]
        if sys.stderr is tees[1]:
            sys.stderr = before[1]
        log.end()
