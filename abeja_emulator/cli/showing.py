"""What is seen of a job that runs: its log, and how far it has come."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.logs import LOUD
from abeja_emulator.cli.output import has_rich
from abeja_emulator.report.summary import last_values_of, seconds

if TYPE_CHECKING:
    from typing_extensions import Self

    from abeja_emulator.cli.output import Output


class Showing:
    """Shows a job as lines of text, or as a JSON object a line to a program.

    Args:
        output: where.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._begun = time.monotonic()

    def log(self, line: dict[str, Any]) -> None:
        """Show a line of the log."""
        self._output.line(logged(line))
        self._output.document({"event": "log", **line})

    def statistics(self, posted: dict[str, Any]) -> None:
        """Show what the job has posted."""
        self._output.line(f"{come_to(posted)}  {seconds(self.elapsed)}")
        self._output.document({"event": "statistics", "seconds": round(self.elapsed, 3), "statistics": posted})

    @property
    def elapsed(self) -> float:
        """Seconds since the job was made."""
        return time.monotonic() - self._begun

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass


class DrawnShowing(Showing):
    """Shows a job on a terminal: the log, and below it a bar that goes on with each epoch."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        from rich.console import Console  # noqa: PLC0415 - an extra
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        text = TextColumn("{task.description}", markup=False)
        console = Console(file=sys.stdout, highlight=False)
        self._progress = Progress(text, BarColumn(bar_width=20), TimeElapsedColumn(), console=console, transient=True)
        self._task = self._progress.add_task("starts", total=None)

    def log(self, line: dict[str, Any]) -> None:
        """Show a line of the log."""
        style = "yellow" if line["level"] in LOUD else None
        self._progress.console.print(logged(line), markup=False, style=style, soft_wrap=True)

    def statistics(self, posted: dict[str, Any]) -> None:
        """Show what the job has posted; what it had posted before stays above."""
        description = come_to(posted)
        self._progress.console.print(f"{description}  {seconds(self.elapsed)}", markup=False, soft_wrap=True)
        epoch, epochs = posted.get("epoch"), posted.get("num_epochs")
        if isinstance(epoch, (int, float)) and isinstance(epochs, (int, float)):
            self._progress.update(self._task, description=f"epoch {epoch}/{epochs}", completed=epoch, total=epochs)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()


def showing(output: Output) -> Showing:
    """Return what suits where it is shown."""
    return DrawnShowing(output) if output.is_drawn and has_rich() else Showing(output)


def logged(line: dict[str, Any]) -> str:
    """Return a line of a log; a warning says that it is one."""
    return f"{line['level']} {line['message']}" if line["level"] in LOUD else str(line["message"])


def come_to(posted: dict[str, Any]) -> str:
    """Return how far a job has come, `epoch 2/5  train accuracy 0.9 loss 0.1`."""
    epoch = "/".join(str(posted[name]) for name in ("epoch", "num_epochs") if posted.get(name) is not None)
    return "  ".join(filter(None, [f"epoch {epoch}" if epoch else "statistics", last_values_of([posted])]))
