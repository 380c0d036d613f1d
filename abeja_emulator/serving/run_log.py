"""The log of a run: what the processes of its attempts write, and what befalls it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from abeja_emulator.clock import iso
from abeja_emulator.errors import NotFound
from abeja_emulator.services.logs.pages import RUN_LOG, Logs
from abeja_emulator.services.logs.records import Line
from abeja_emulator.services.runs.rules import Runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abeja_emulator.services.training.records import LogLine
    from abeja_emulator.wire.call import World


class RunLog:
    """Writes to the log of one run, as long as that exists.

    Args:
        world: where the run is.
        run_id: of the run.
    """

    def __init__(self, world: World, run_id: str) -> None:
        self._world = world
        self._run_id = run_id
        self._runs = Runs(world)
        self._logs = Logs(world, RUN_LOG)

    def say(self, text: str) -> None:
        """Append sentences of ours, one a line, of now."""
        now = iso(self._world.clock.now())
        self._append([Line(at=now, message=_ours(line)) for line in text.splitlines() if line])

    def keep(self, lines: Sequence[LogLine]) -> None:
        """Append what a process has written, each line with its time; a `Sink`."""
        self._append([Line(at=_at(line.timestamp), message=line.message) for line in lines])

    def _append(self, lines: Sequence[Line]) -> None:
        with self._world.store.transaction():
            try:
                self._runs.find(self._run_id)
            except NotFound:
                return
            self._logs.append(self._run_id, lines)


def _ours(line: str) -> str:
    return line if line.startswith("abeja-emulator: ") else f"abeja-emulator: {line}"


def _at(milliseconds: int) -> str:
    return iso(datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc))
