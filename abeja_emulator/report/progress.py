"""A line that says how far a job has come, for the person who waits for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from abeja_emulator.report.redaction import Redaction
from abeja_emulator.report.summary import last_values_of, seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import TextIO

    from abeja_emulator.platform import Platform
    from abeja_emulator.wire.journal import Entry

#: Seconds before the first line and between lines: what is over sooner needs none, and nobody reads faster.
PATIENCE = 2.0
PACE = 0.25

WIDTH = 110


class Progress:
    """Writes over one line of a terminal whenever a job posts a statistic.

    Args:
        platform: where the jobs are.
        terminal: the stream of the terminal.
        visible: entered while something is written, so that it is not captured as the test's own.
        now: seconds, from whenever on.
    """

    def __init__(
        self,
        platform: Platform,
        terminal: TextIO,
        visible: Callable[[], AbstractContextManager[object]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._platform = platform
        self._terminal = terminal
        self._visible = visible
        self._now = now
        self._begun = self._written = now()
        self._shown = False

    def note(self, entry: Entry) -> None:
        """Show how far the job has come that posted a statistic with this call."""
        now = self._now()
        if entry.operation != "update_statistics" or entry.error is not None:
            return
        if now - self._begun < PATIENCE or now - self._written < PACE:
            return
        self._written = now
        job_id = entry.path.rstrip("/").split("/")[-2]
        job = self._platform.look.job(job_id)
        statistics = job.statistics or {}
        epoch = "/".join(str(statistics[name]) for name in ("epoch", "num_epochs") if name in statistics)
        parts = [f"{job.job_definition_name}:{job.job_definition_version}", f"epoch {epoch}" if epoch else ""]
        line = "  ".join([*filter(None, [*parts, last_values_of([statistics])]), seconds(now - self._begun)])
        line = Redaction(self._platform.secrets())(line).replace("\n", " ")
        self._write(f"\r{line[:WIDTH]:<{WIDTH}}")
        self._shown = True

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            self._write(f"\r{'':<{WIDTH}}\r")
            self._shown = False

    def _write(self, text: str) -> None:
        with self._visible():
            self._terminal.write(text)
            self._terminal.flush()
