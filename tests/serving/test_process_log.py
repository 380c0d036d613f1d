"""The log of a service or a run has what its processes write, with their times, and what befalls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

import pytest

from abeja_emulator.services.logs.records import Line
from abeja_emulator.services.submission import submit
from abeja_emulator.services.training.records import LogLine
from abeja_emulator.serving.process_log import run_log, service_log
from tests.services.training.samples import state

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.services.runs.records import Run
    from abeja_emulator.serving.process_log import ProcessLog


def submitted(platform: Platform) -> Run:
    """Submit a run of nothing."""
    with platform.world.store.transaction():
        return submit(
            platform.world,
            organization_id=platform.organization.id,
            deployment_id="1230000000001",
            models={},
            model_version="0.0.1",
            model_version_id="ver-1",
            retry_count=5,
            user_env_vars={},
            creator_id=platform.user.id,
        )


def lines(platform: Platform, run_id: str) -> list[Line]:
    """Return the log of a run."""
    with platform.world.store.reading():
        return platform.world.store.table("run_log", Line).slice(run_id)


def test_lines_of_a_process(platform: Platform) -> None:
    """They keep their times and their words."""
    run_id = submitted(platform).run_id
    run_log(platform, run_id).keep(
        [LogLine(timestamp=1704164645678 + each, message=f"line {each}", log_level="INFO") for each in range(2)]
    )
    assert lines(platform, run_id) == [
        Line(at="2024-01-02T03:04:05.678000", message="line 0"),
        Line(at="2024-01-02T03:04:05.679000", message="line 1"),
    ]


def test_sentences_of_ours(platform: Platform) -> None:
    """Each says whose it is, once; a long text is several lines."""
    run_id = submitted(platform).run_id
    log = run_log(platform, run_id)
    log.say("one\n\ntwo")
    log.say("abeja-emulator: three")
    assert [line.message for line in lines(platform, run_id)] == [
        "abeja-emulator: one",
        "abeja-emulator: two",
        "abeja-emulator: three",
    ]


@pytest.mark.parametrize("log", [run_log, service_log])
def test_one_that_is_gone(platform: Platform, log: Callable[[Platform, str], ProcessLog]) -> None:
    """It has no log."""
    before = state(platform)
    log(platform, "of-nothing").say("late")
    assert state(platform) == before


def test_a_platform_that_is_closed(platform: Platform) -> None:
    """What comes late goes nowhere, and is no error."""
    log = run_log(platform, submitted(platform).run_id)
    platform.close()
    log.say("late")
