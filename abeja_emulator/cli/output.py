"""What a command shows: lines and tables for people, JSON for programs, and how far it has come.

rich draws on a terminal when it is installed; without it, and where no terminal is, the same is plain text.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from abeja_emulator.report.summary import seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Told = Callable[[int], object]

#: Where lines on how far it has come cannot be written over one another: seconds between two of them, and how many
#: times as much there is then.
_PACE = 2.0
_STEP = 1.25


class Output:
    """Shows things.

    Args:
        json: whether a program reads stdout; lines and tables are left out then.
        stdout: where results go.
        stderr: where remarks go.
    """

    def __init__(self, *, json: bool = False, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self.json = json
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr

    @property
    def is_drawn(self) -> bool:
        """Whether results are drawn, on a terminal by rich."""
        return not self.json and self._stdout.isatty() and has_rich()

    def line(self, text: str = "") -> None:
        """Show a line of a result."""
        if not self.json:
            self._write(self._stdout, text)

    def heading(self, text: str) -> None:
        """Show a line above others."""
        if self.is_drawn:
            _draw_heading(self._stdout, text)
        else:
            self.line(text)

    def remark(self, text: str) -> None:
        """Show a line that is no result, whoever reads stdout."""
        self._write(self._stderr, text)

    def document(self, value: Any) -> None:
        """Show a result to a program, in one line."""
        if self.json:
            self._write(self._stdout, json.dumps(value, ensure_ascii=False))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show rows of text."""
        if self.is_drawn:
            _draw_table(self._stdout, columns, rows)
            return
        widths = [max(map(len, column)) for column in zip(columns, *rows)]
        for row in (columns, *rows):
            self.line("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())

    def listing(
        self, noun: str, columns: Sequence[str], rows: Sequence[Sequence[str]], total: int, status: str | None
    ) -> None:
        """Show the newest of a kind, or that there are none, and how many are left out.

        Args:
            noun: what one is called.
            columns: of the table.
            rows: those that are shown.
            total: how many there are.
            status: only those of which are asked for, or None.
        """
        if rows:
            self.table(columns, rows)
        else:
            self.line(f"no {noun} is {status}" if status else f"there are no {noun}s")
        if total > len(rows):
            self.line(f"(the newest {len(rows)} of {total}; --limit shows more)")

    @contextmanager
    def progress(self, what: str, units: str) -> Iterator[Told]:
        """Show how far something has come while the context lasts; tell what it gives how much there is so far.

        Args:
            what: what is being made.
            units: what is counted, `items`.
        """
        if self._stderr.isatty() and has_rich():
            with _drawn(self._stderr, what, units) as told:
                yield told
        else:
            yield _Written(self, what, units)

    def _write(self, stream: TextIO, text: str) -> None:
        stream.write(f"{text}\n")
        stream.flush()


def has_rich() -> bool:
    """Return whether rich can be imported; it is an extra."""
    try:
        import rich  # noqa: F401, PLC0415 - only when something is drawn
    except ImportError:
        return False
    return True


class _Written:
    """A line of how far it has come, ever more seldom."""

    def __init__(self, output: Output, what: str, units: str) -> None:
        self._output = output
        self._what = what
        self._units = units
        self._told = 0
        self._begun = self._written = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self._written >= _PACE and done >= self._told * _STEP:
            self._written, self._told = now, done
            self._output.remark(f"{self._what}: {done:,} {self._units} in {seconds(now - self._begun)}")


@contextmanager
def _drawn(stream: TextIO, what: str, units: str) -> Iterator[Told]:
    from rich.console import Console  # noqa: PLC0415 - only when it is drawn
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        task = progress.add_task(what)
        yield lambda done: progress.update(task, description=f"{what}: {done:,} {units}")


def _draw_heading(stream: TextIO, text: str) -> None:
    from rich.console import Console  # noqa: PLC0415 - only when it is drawn

    Console(file=stream, highlight=False).print(text, style="bold", markup=False, soft_wrap=True)


def _draw_table(stream: TextIO, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - the same
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*map(Text, row))
    Console(file=stream).print(table)
