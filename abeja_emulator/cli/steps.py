"""The steps of a chain: which one is being done, how long each took, and which one it was that failed."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.exits import FAILED, CommandError
from abeja_emulator.report.summary import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.cli.output import Output
    from abeja_emulator.cli.signals import Signals

#: Packages whose errors say what somebody else answered.
_CLIENTS = ("abeja", "requests", "urllib3", "http")
_OURS = "abeja_emulator"


class Steps:
    """Goes through steps, one after the other.

    Args:
        output: where they are shown.
        signals: once one has come, no other step is begun.
        count: how many there will be.

    Attributes:
        taken: name → seconds, of those that are done.
        facts: what programs were told of those, by name.
    """

    def __init__(self, output: Output, signals: Signals, count: int) -> None:
        self.taken: dict[str, float] = {}
        self.facts: dict[str, dict[str, Any]] = {}
        self._output = output
        self._signals = signals
        self._count = count
        self._number = 0

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, Any]]:
        """Do one step; what is put into the mapping that it gives, a program is told.

        Args:
            name: of the step.

        Raises:
            CommandError: when it fails, with its name in front.
            KeyboardInterrupt: when SIGINT has come.
            Terminated: when SIGTERM has.
        """
        self._signals.check()
        self._number += 1
        if self._number > 1:
            self._output.line()
        self._output.heading(f"{self._number}/{self._count} {name}")
        facts: dict[str, Any] = {}
        begun = time.monotonic()
        try:
            yield facts
        except Exception as error:
            package = type(error).__module__.partition(".")[0]
            if package not in {_OURS, *_CLIENTS} and not isinstance(error, OSError):
                raise
            self._output.document({"event": "failed", "step": name, "error": str(error)})
            code = error.code if isinstance(error, CommandError) else FAILED
            message = f"{name}: {error}"
            raise CommandError(message, code) from error
        self.taken[name] = round(time.monotonic() - begun, 3)
        self.facts[name] = facts
        self._output.document({"event": "step", "step": name, "seconds": self.taken[name], **facts})

    def show_times(self) -> None:
        """Show how long each step took."""
        self._output.line()
        self._output.table(("step", "time"), [(name, seconds(taken)) for name, taken in self.taken.items()])
