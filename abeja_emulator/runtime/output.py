"""What a job prints: shown as ever, and kept as the lines of its log."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from codecs import getincrementaldecoder
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from abeja_emulator.services.training.records import LogLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


class TextBytes(io.BufferedIOBase):
    """The bytes of a standard stream: a handler may wrap them in a text stream of its own, which closes them one day.

    Args:
        stream: gets them as text.
    """

    def __init__(self, stream: OwnStream) -> None:
        self._stream = stream
        self._decoder = getincrementaldecoder("utf-8")("replace")

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: Any, /) -> int:
        """Write bytes, and return how many."""
        self._stream.pass_on(self._decoder.decode(bytes(data)))
        return memoryview(data).nbytes

    def fileno(self) -> int:
        """Return the number of the file that is behind it, if one is; a child writes there."""
        number: int = self._stream.fileno()
        return number

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def close(self) -> None:
        """Do nothing: other text streams may have the same bytes."""


class OwnStream:
    """A standard stream that a handler has to itself: it may close it, and who reads its output goes on.

    Attributes:
        buffer: the same for bytes.
        closed: whether the handler has closed it.
    """

    def __init__(self) -> None:
        self.buffer = TextBytes(self)
        self.closed = False

    def pass_on(self, text: str) -> None:
        """Write text, even if the handler has closed the stream."""
        raise NotImplementedError

    def write(self, text: str) -> int:
        """Write text, and return its length."""
        if self.closed:
            message = "I/O operation on closed file."
            raise ValueError(message)
        self.pass_on(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of some lines."""
        for line in lines:
            self.write(line)

    def close(self) -> None:
        """Let the handler write no more."""
        self.closed = True

    def detach(self) -> TextBytes:
        """Let the handler write no more but bytes."""
        self.closed = True
        return self.buffer

    # In all else it is the stream it stands for, which only its kinds know.
    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class Tee(OwnStream):
    """A text stream that writes where it always did, and into a log while that is attached."""

    def __init__(self, stream: TextIO, log: Log, level: str) -> None:
        super().__init__()
        self._stream = stream
        self._log: Log | None = log
        self._level = level

    def pass_on(self, text: str) -> None:
        """Write text, even if the handler has closed the stream."""
        if self._log is not None:
            self._log.write(self._level, text)
        self._stream.write(text)

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
