"""Where a run can go from where it is, how often it is tried again, and who is told."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.errors import BadRequest, Conflict
from abeja_emulator.services.runs.rules import LIFE_CYCLE, Runs
from tests.services.runs.samples import kept, move
from tests.services.training.samples import state

if TYPE_CHECKING:
    from abeja.runs import APIClient

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.runs.records import Run

#: The statuses, as the docstring of the SDK's get_run lists them.
STATUSES = ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"]

#: How a run gets where it is: from SUBMITTED through these.
WAYS = {
    **{status: STATUSES[1 : STATUSES.index(status) + 1] for status in STATUSES[:-1]},
    "FAILED": ["FAILED"],
}

#: Every move there is; what is not here is refused.
MOVES = {
    *((origin, target) for place, origin in enumerate(STATUSES[:4]) for target in STATUSES[place + 1 : 5]),
    *((origin, "FAILED") for origin in STATUSES[:5]),
    ("STARTING", "RUNNABLE"),
    ("RUNNING", "RUNNABLE"),
    ("RUNNING", "SUCCEEDED"),
}

DONE = {"$datalake:1": "1230000000001/20240102T030405-6f1c2b3a-1111-4222-8333-444455556666"}


def test_the_sdk_knows_the_same_statuses(api: APIClient) -> None:
    """The statuses are those of the SDK's docstring."""
    assert list(LIFE_CYCLE) == STATUSES
    assert all(f"``{status}``" in type(api).get_run.__doc__ for status in STATUSES)


@pytest.mark.parametrize("target", STATUSES)
@pytest.mark.parametrize("origin", STATUSES)
def test_every_pair(
    api: APIClient, organization: str, run: dict[str, Any], platform: Platform, origin: str, target: str
) -> None:
    """A legal move is made, shown, with the time of it, and told; an illegal one changes nothing and is not told."""
    move(platform, run, *WAYS[origin])
    platform.clock.advance(60)
    before = state(platform)
    told: list[Run] = []
    platform.world.listeners.append(told.append)
    if (origin, target) in MOVES:
        moved = move(platform, run, target)
        assert told == [moved]
        shown = api.get_run(organization, run["deployment_id"], run["run_id"])
        assert shown["status"] == target
        assert shown["modified_at"] > shown["created_at"] == run["created_at"]
        assert api.get_runs(organization, run["deployment_id"])["entries"] == [shown]
    else:
        with pytest.raises(Conflict, match=f"is {origin} and cannot become {target}"):
            move(platform, run, target)
        assert (state(platform), told) == (before, [])


@pytest.mark.parametrize("status", ["", "running", "Complete", "STOPPED"])
def test_no_such_status(run: dict[str, Any], platform: Platform, status: str) -> None:
    """A status that is none is refused, and the refusal lists those there are."""
    before = state(platform)
    with pytest.raises(BadRequest, match="SUCCEEDED"):
        move(platform, run, status)
    assert state(platform) == before


@given(count=st.integers(0, 9), tried=st.sampled_from(["STARTING", "RUNNING"]))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_retries(
    api: APIClient, organization: str, deployment: str, version: str, platform: Platform, count: int, tried: str
) -> None:
    """A run is tried again as often as it says, wherever the try ended, and then it can only fail."""
    run = api.create_run(organization, deployment, version, retry_count=count)
    for number in range(count):
        assert move(platform, run, tried, "RUNNABLE").retries == number + 1
    move(platform, run, tried)
    with pytest.raises(Conflict, match=f"retry_count {count}"):
        move(platform, run, "RUNNABLE")
    failed = move(platform, run, "FAILED")
    assert (failed.status, failed.retries) == ("FAILED", count)
    assert api.get_run(organization, deployment, run["run_id"])["retry_count"] == count


def test_waiting_is_no_try(run: dict[str, Any], platform: Platform) -> None:
    """The first time that a run can run is not another one."""
    assert move(platform, run, "PENDING", "RUNNABLE").retries == 0


class TestTold:
    """Who listens hears of runs when they are there to stay."""

    def test_created(
        self, api: APIClient, organization: str, deployment: str, version: str, platform: Platform
    ) -> None:
        """A new run is told once, as it is kept."""
        told: list[Any] = []
        platform.world.listeners.append(told.append)
        run = api.create_run(organization, deployment, version)
        assert told == [kept(platform, run)]
        assert told[0].creator_id == platform.user.id

    def test_undone(self, run: dict[str, Any], platform: Platform) -> None:
        """A change that is undone is not told."""
        told: list[Run] = []
        platform.world.listeners.append(told.append)
        with suppress(ZeroDivisionError), platform.world.store.transaction():
            Runs(platform.world).move(kept(platform, run), "RUNNING")
            raise ZeroDivisionError
        assert told == []
        assert kept(platform, run).status == "SUBMITTED"


class TestOutput:
    """Where the output of a run went."""

    def test_kept(self, run: dict[str, Any], platform: Platform) -> None:
        """It is kept with the run, told, and there when the run has ended."""
        move(platform, run, "RUNNING")
        told: list[Run] = []
        platform.world.listeners.append(told.append)
        with platform.world.store.transaction():
            Runs(platform.world).keep_output(kept(platform, run), DONE)
        assert told == [kept(platform, run)]
        assert move(platform, run, "SUCCEEDED").output == DONE

    @pytest.mark.parametrize("status", sorted(set(STATUSES) - {"RUNNING"}))
    def test_only_while_it_runs(self, run: dict[str, Any], platform: Platform, status: str) -> None:
        """A run that does not run has none."""
        record = move(platform, run, *WAYS[status])
        with pytest.raises(Conflict, match=f"is {status}"):
            Runs(platform.world).keep_output(record, DONE)
        assert kept(platform, run).output is None

    def test_names_a_file(self, run: dict[str, Any], platform: Platform) -> None:
        """A channel alone is where it was to go, not where it went."""
        record = move(platform, run, "RUNNING")
        with pytest.raises(BadRequest, match="<channel>/<file>"):
            Runs(platform.world).keep_output(record, {"$datalake:1": "1230000000001"})
