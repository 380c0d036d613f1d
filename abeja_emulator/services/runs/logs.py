"""The logs of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.clock import iso
from abeja_emulator.services.services.logs import Logs
from abeja_emulator.services.services.records import ServiceLogLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abeja_emulator.wire.call import World


class RunLogs(Logs):
    """The logs of the runs of one Platform: lines, and ways of paging, as those of services."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._lines = world.store.table("run_log", ServiceLogLine)

    def write(self, run_id: str, message: str) -> None:
        """Append a line to the log of a run, of now."""
        self.append(run_id, [ServiceLogLine(at=iso(self._world.clock.now()), message=message)])

    def append(self, run_id: str, lines: Sequence[ServiceLogLine]) -> None:
        """Append lines to the log of a run, in the order they came in."""
        number = self._world.ids.number
        self._lines.insert_many(run_id, [(str(number("run_log", run_id)), line) for line in lines])
