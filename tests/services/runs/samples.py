"""What whoever runs a run does with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.services.logs.pages import RUN_LOG, Logs
from abeja_emulator.services.runs.rules import Runs

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.services.runs.records import Run


def kept(platform: Platform, run: dict[str, Any]) -> Run:
    """Return the record of a run that was answered."""
    with platform.world.store.reading():
        return Runs(platform.world).get(run["deployment_id"], run["run_id"])


def move(platform: Platform, run: dict[str, Any], *statuses: str) -> Run:
    """Let a run go from status to status, each in a transaction of its own."""
    for status in statuses:
        with platform.world.store.transaction():
            Runs(platform.world).move(kept(platform, run), status)
    return kept(platform, run)


def write(platform: Platform, run: dict[str, Any], *messages: str) -> None:
    """Write lines to the log of a run, a second after those before, and one after the other."""
    for message in messages:
        platform.clock.advance(1)
        with platform.world.store.transaction():
            Logs(platform.world, RUN_LOG).write(run["run_id"], message)
