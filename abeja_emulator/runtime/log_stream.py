"""From the bytes a child writes to the lines of its job's log, in batches."""

from __future__ import annotations

import threading
import time
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from abeja_emulator.runtime.output import LINE_LIMIT, Log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from abeja_emulator.clock import Clock
    from abeja_emulator.services.training.records import LogLine

    #: Takes lines of a log in the order of their arrival; it is never called with none.
    Sink = Callable[[list[LogLine]], object]

#: Level of what a child writes to each of its streams (runner, subprocess/runtime_logger.go).
STDOUT, STDERR = "INFO", "WARNING"
_LEVELS = (STDOUT, STDERR)

#: Seconds that a line waits for others at most.
DELAY = 0.1
#: So many lines, or characters of lines, do not wait.
BATCH = 1000
BATCH_CHARACTERS = 1024 * 1024

#: Of a line that is too long, so many characters are shown.
_BEGINNING = 64
#: And so many bytes of it are kept: no character has more than four.
_KEPT = 4 * _BEGINNING
#: Bytes that begin no character of UTF-8.
_CONTINUATIONS = bytes(range(0x80, 0xC0))


class LogStream:
    """The log of a child, made of the bytes of its streams and handed on in batches.

    Lines are what `runtime.output.Log` makes of the same text: blank ones are skipped, a JSON line with a
    `log_level` keeps that, of a progress bar the last state remains, and a line over `LINE_LIMIT` bytes is
    replaced by a warning that begins as it did. Bytes that are no UTF-8 are replaced. However long a line is,
    not more of it than `LINE_LIMIT` is ever held. All methods may be called from any thread.

    A line that has ended waits for others, so that many lines are few batches; whoever writes flushes
    when `due_in` says so.

    Args:
        clock: of the Platform, for the time of a line.
        sink: called with each batch, one at a time. What it raises comes out of `write`, `flush` or `end`, and its
            batch is lost.
        delay: seconds that a line waits for others at most.
    """

    _now = staticmethod(time.monotonic)

    def __init__(self, clock: Clock, sink: Sink, *, delay: float = DELAY) -> None:
        self._clock = clock
        self._sink = sink
        self._delay = delay
        self._open: dict[str, _OpenLine] = {}
        self._lock = threading.Lock()
        # Held longer than the other: a sink is slow, and its batches must not overtake each other.
        self._handing_on = threading.RLock()
        self._waiting: list[LogLine] = []
        self._characters = 0
        self._since = 0.0

    def write(self, level: str, data: bytes) -> None:
        """Take bytes of a stream whose lines have that level; hand on what is due."""
        with self._lock:
            self._take(level, data)
        remaining = self.due_in()
        if remaining is not None and remaining <= 0:
            self.flush()

    def due_in(self) -> float | None:
        """Return in how many seconds there is something to flush, or None while nothing waits."""
        with self._lock:
            if not self._waiting:
                return None
            if len(self._waiting) >= BATCH or self._characters >= BATCH_CHARACTERS:
                return 0.0
            return max(0.0, self._since + self._delay - self._now())

    def flush(self) -> None:
        """Hand on the lines that wait."""
        with self._handing_on:
            with self._lock:
                lines, self._waiting, self._characters = self._waiting, [], 0
            if lines:
                self._sink(lines)

    def end(self) -> None:
        """End the lines that are still open, and hand on all that is left."""
        with self._lock:
            for level in self._open:
                self._take(level, b"\n")
        self.flush()

    def _take(self, level: str, data: bytes) -> None:
        line = self._open.setdefault(level, _OpenLine())
        *ended, rest = data.split(b"\n")
        lines = self._lines(self._ended(level, line, ended)) if ended else []
        line.add(rest)
        if lines:
            self._since = self._since if self._waiting else self._now()
            self._waiting += lines
            self._characters += sum(len(each.message) for each in lines)

    @staticmethod
    def _ended(level: str, line: _OpenLine, pieces: list[bytes]) -> Iterator[tuple[str, str]]:
        for piece in pieces:
            line.add(piece)
            yield line.end(level)

    def _lines(self, ended: Iterable[tuple[str, str]]) -> list[LogLine]:
        """Return the lines that `Log` makes of (level, text)."""
        log = Log(self._clock)
        for level, pairs in groupby(ended, key=itemgetter(0)):
            log.write(level, "".join(f"{text}\n" for _, text in pairs))
        return log.lines


class _OpenLine:
    """A line that has not ended, as far as a terminal would show it: without what a carriage return wrote over."""

    def __init__(self) -> None:
        self._visible = bytearray()
        # Of a line that is too long the beginning is kept, and how many more characters there were.
        self._too_long = False
        self._more = 0
        # Whether whatever comes next will write over it.
        self._returned = False

    def add(self, piece: bytes) -> None:
        """Add bytes without a line feed."""
        shown = piece.rstrip(b"\r")
        if shown:
            last = shown.rpartition(b"\r")[2]
            if self._returned or len(last) < len(shown):
                self._start()
            self._visible += last
            if self._too_long or len(self._visible) > LINE_LIMIT:
                self._too_long = True
                self._more += _characters(self._visible[_KEPT:])
                del self._visible[_KEPT:]
        if piece:
            self._returned = len(shown) < len(piece)

    def end(self, level: str) -> tuple[str, str]:
        """Return level and text of the line, and begin another."""
        text = self._visible.decode("utf-8", "replace")
        if self._too_long:
            characters = _characters(self._visible) + self._more
            level = STDERR
            text = f"a line of {characters} characters is too long for the log; it begins: {text[:_BEGINNING]}"
        self._start()
        return level, text

    def _start(self) -> None:
        self._visible.clear()
        self._too_long, self._more, self._returned = False, 0, False


def _characters(data: bytearray) -> int:
    return len(data.translate(None, _CONTINUATIONS))


def _is_text(level: str) -> bool:
    """Return whether a level can be stored: JSON can escape halves of characters."""
    return level.isascii() or level.encode("utf-8", "ignore").decode() == level
