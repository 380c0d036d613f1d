"""The log of a service: what its processes write, and what befalls it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from abeja_emulator.clock import iso
from abeja_emulator.errors import NotFound
from abeja_emulator.services.logs.pages import SERVICE_LOG, Logs
from abeja_emulator.services.logs.records import Line
from abeja_emulator.services.services.rules import Services

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.training.records import LogLine


class ServiceLog:
    """Writes to the log of one service, as long as that exists.

    Args:
        platform: where the service is.
        service_id: of the service.
    """

    def __init__(self, platform: Platform, service_id: str) -> None:
        self._platform = platform
        self._service_id = service_id
        self._services = Services(platform.world)
        self._logs = Logs(platform.world, SERVICE_LOG)

    def say(self, text: str) -> None:
        """Append sentences of ours, one a line, of now."""
        now = iso(self._platform.clock.now())
        self._append([Line(at=now, message=f"abeja-emulator: {line}") for line in text.splitlines() if line])

    def keep(self, lines: Sequence[LogLine]) -> None:
        """Append what a process has written, each line with its time; a `Sink`."""
        self._append([Line(at=_at(line.timestamp), message=line.message) for line in lines])

    def _append(self, lines: Sequence[Line]) -> None:
        if self._platform.closed:
            return
        with self._platform.world.store.transaction():
            try:
                self._services.find(self._service_id)
            except NotFound:
                return
            self._logs.append(self._service_id, lines)


def _at(milliseconds: int) -> str:
    return iso(datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc))
