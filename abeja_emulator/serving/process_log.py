"""The log of a service or a run: what its processes write, and what befalls it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Callable

from abeja_emulator.clock import iso
from abeja_emulator.errors import NotFound
from abeja_emulator.services.logs.pages import RUN_LOG, SERVICE_LOG, Logs
from abeja_emulator.services.logs.records import Line
from abeja_emulator.services.runs.rules import Runs
from abeja_emulator.services.services.rules import Services

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.training.records import LogLine

#: How a sentence of ours begins.
_OURS = "abeja-emulator: "


class ProcessLog:
    """Writes to one log, as long as what it is of exists and its Platform is open.

    Args:
        platform: where that is.
        kind: `SERVICE_LOG` or `RUN_LOG`.
        owner_id: of the service or the run.
        find: finds it by that id; `NotFound` when it is gone.
    """

    def __init__(self, platform: Platform, kind: str, owner_id: str, find: Callable[[str], object]) -> None:
        self._platform = platform
        self._owner_id = owner_id
        self._find = find
        self._logs = Logs(platform.world, kind)

    def say(self, text: str) -> None:
        """Append sentences of ours, one a line, of now."""
        now = iso(self._platform.clock.now())
        self._append([Line(at=now, message=_ours(line)) for line in text.splitlines() if line])

    def keep(self, lines: Sequence[LogLine]) -> None:
        """Append what a process has written, each line with its time; a `Sink`."""
        self._append([Line(at=_at(line.timestamp), message=line.message) for line in lines])

    def _append(self, lines: Sequence[Line]) -> None:
        if self._platform.closed:
            return
        with self._platform.world.store.transaction():
            try:
                self._find(self._owner_id)
            except NotFound:
                return
            self._logs.append(self._owner_id, lines)


def service_log(platform: Platform, service_id: str) -> ProcessLog:
    """Return the log of a service."""
    return ProcessLog(platform, SERVICE_LOG, service_id, Services(platform.world).find)


def run_log(platform: Platform, run_id: str) -> ProcessLog:
    """Return the log of a run."""
    return ProcessLog(platform, RUN_LOG, run_id, Runs(platform.world).find)


def _ours(line: str) -> str:
    return line if line.startswith(_OURS) else _OURS + line


def _at(milliseconds: int) -> str:
    return iso(datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc))
