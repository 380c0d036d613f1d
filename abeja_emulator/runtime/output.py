"""What a job prints: shown as ever, and kept as the lines of its log."""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from abeja_emulator.services.training.records import LogLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.clock import Clock

#: A longer line is not kept, only its beginning (runner, subprocess/runtime_logger.go).
LINE_LIMIT = 250 * 1024
_BEGINNING = 64


class Log:
    """The lines of a job, in the order in which they were ended.

    Lines of standard output are INFO and of standard error WARNING, a JSON line with a `log_level`
    keeps that, and blank lines are skipped, as the runner ships them (behaviour.md, 1.9).
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # A signal handler may print while its own thread is in here.
        self._lock = threading.RLock()
        self._open: dict[str, str] = {}
        self._pid = os.getpid()
        self.lines: list[LogLine] = []

    def write(self, level: str, text: str) -> None:
        """Add text; a line is kept once it has ended. A forked child's text is not ours to keep."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            *ended, rest = (self._open.get(level, "") + text).split("\n")
            # An open line is read again at every write, and a progress bar may never end its own.
            self._open[level] = _visible(rest) + ("\r" if rest.endswith("\r") else "")
            now = round(self._clock.timestamp() * 1000)
            self.lines += [_line(now, message, level) for message in map(_visible, ended) if message.strip()]

    def end(self) -> None:
        """End the lines that are still open."""
        for level, rest in list(self._open.items()):
            if rest:
                self.write(level, "\n")


def _visible(line: str) -> str:
    """Return what remains visible of a line that a progress bar wrote over and over: the last of it."""
    return line.rstrip("\r").rpartition("\r")[2]


def _line(timestamp: int, message: str, level: str) -> LogLine:
    # The limit is one of bytes, of which a character has four at most.
    if len(message) > LINE_LIMIT // 4 and _bytes_of(message) > LINE_LIMIT:
        message = f"a line of {len(message)} characters is too long for the log; it begins: {message[:_BEGINNING]}"
        level = "WARNING"
    return LogLine(timestamp=timestamp, message=message, log_level=_own_level(message) or level)


def _bytes_of(text: str) -> int:
    """Return how many bytes a text was; what could not be read was one byte, and is three."""
    return len(text.encode("utf-8", "replace")) - 2 * text.count("\ufffd")


def _own_level(message: str) -> str | None:
    if not (message.startswith("{") and '"log_level"' in message):
        return None
    try:
        level = json.loads(message).get("log_level")
        if isinstance(level, str):
            level.encode()  # half a character, which JSON can say, could not be kept
            return level
    except (ValueError, RecursionError):
        pass
    return None


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
    """Keep in `log` what is written to `sys.stdout` and `sys.stderr`, and put both back at the end."""
    before = sys.stdout, sys.stderr
    tees = Tee(sys.stdout, log, "INFO"), Tee(sys.stderr, log, "WARNING")
    sys.stdout, sys.stderr = tees
    try:
        yield
    finally:
        for tee in tees:
            tee.detach_log()
        # A debugger shows the terminal's own streams while it stops a test; those are not ours to take away.
        terminal: tuple[object, object] = sys.__stdout__, sys.__stderr__
        if sys.stdout is not terminal[0]:
            sys.stdout = before[0]
        if sys.stderr is not terminal[1]:
            sys.stderr = before[1]
        log.end()
