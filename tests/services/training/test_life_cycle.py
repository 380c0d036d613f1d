"""Where a job can go from where it is, who sends it there, and what it shows then."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import abeja.exceptions
import pytest
from abeja.training import job_status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.errors import BadRequest
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import LIFE_CYCLE, Jobs
from tests.services.training.samples import state
from tests.services.wire import ZULU_MICROSECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests
    from abeja.training.api.client import APIClient
    from abeja.training.job import Job
    from abeja.training.job_definition import JobDefinition
    from abeja.training.job_definition_version import JobDefinitionVersion

    from abeja_emulator.platform import Platform

STATUSES = [str(value) for value in vars(job_status).values() if isinstance(value, job_status.JobStatus)]
FINISHED = ["Complete", "Failed", "Stopped"]

#: How a job gets where it is: from Pending through these.
WAYS = {
    "Pending": [],
    "Active": ["Active"],
    "Complete": ["Active", "Complete"],
    "Failed": ["Active", "Failed"],
    "Stopped": ["Stopped"],
}

#: Every move there is; what is not here is refused.
MOVES = {
    ("Pending", "Active"),
    ("Pending", "Complete"),
    ("Pending", "Failed"),
    ("Pending", "Stopped"),
    ("Active", "Complete"),
    ("Active", "Failed"),
    ("Active", "Stopped"),
}


@pytest.fixture
def put(wire: Wire, job_path: str) -> Callable[..., requests.Response]:
    """Put a status, as train-local does."""
    return lambda status, **times: wire("PUT", f"{job_path}/status", json={"status": status, **times})


def test_the_sdk_knows_the_same_statuses() -> None:
    """The statuses are the five of the SDK."""
    assert sorted(LIFE_CYCLE) == sorted(STATUSES)


class TestMove:
    """PUT …/jobs/{training_job_id}/status."""

    @pytest.mark.parametrize("target", STATUSES)
    @pytest.mark.parametrize("origin", STATUSES)
    def test_every_pair(
        self,
        put: Callable[..., requests.Response],
        wire: Wire,
        job_path: str,
        platform: Platform,
        origin: str,
        target: str,
    ) -> None:
        """A legal move is made and shown; an illegal one is 409 and changes nothing, and none is of a stopped job."""
        for status in WAYS[origin]:
            assert put(status).status_code == 200
        before = state(platform)
        answer = put(target)
        if (origin, target) in MOVES:
            check_answer("update_training_job_status", answer.json())
            assert answer.json() == wire("GET", job_path).json()
            assert answer.json()["status"] == target
        elif origin == "Stopped":
            assert answer.json() == wire("GET", job_path).json()
            assert answer.json()["status"] == "Stopped"
            assert state(platform) == before
        else:
            check_refusal(answer, 409, f"is {origin} and cannot become {target}")
            assert state(platform) == before

    @pytest.mark.parametrize("status", ["Completed", "active", "", "Running"])
    def test_no_such_status(self, put: Callable[..., requests.Response], platform: Platform, status: str) -> None:
        """A status that is none is 400, and the refusal lists those there are."""
        before = state(platform)
        check_refusal(put(status), 400, repr(status), "Complete")
        assert state(platform) == before

    def test_times(self, put: Callable[..., requests.Response], platform: Platform) -> None:
        """A job shows when it started and when it ended, by the Platform's clock."""
        active = put("Active").json()
        assert ZULU_MICROSECONDS.fullmatch(active["start_time"])
        assert active["completion_time"] is None
        platform.clock.advance(3600)
        complete = put("Complete").json()
        assert complete["start_time"] == active["start_time"]
        begin, end = (
            datetime.datetime.fromisoformat(complete[name][:-1]) for name in ("start_time", "completion_time")
        )
        assert end - begin >= datetime.timedelta(hours=1)

    def test_times_of_the_cli(self, put: Callable[..., requests.Response]) -> None:
        """The times that train-local sends, UTC without a zone, are the ones the job shows."""
        assert put("Active", start_time="2024-01-02T03:04:05").json()["start_time"] == "2024-01-02T03:04:05.000000Z"
        answer = put("Failed", completion_time="2024-01-02T04:00:00").json()
        assert answer["start_time"] == "2024-01-02T03:04:05.000000Z"
        assert answer["completion_time"] == "2024-01-02T04:00:00.000000Z"

    @pytest.mark.parametrize("time", ["2024-01-02T03:04:05Z", "2024-01-02T12:04:05.000000+09:00"])
    def test_times_with_a_zone(self, put: Callable[..., requests.Response], time: str) -> None:
        """A time with a zone is shown in UTC."""
        assert put("Active", start_time=time).json()["start_time"] == "2024-01-02T03:04:05.000000Z"

    @pytest.mark.parametrize("time", ["yesterday", "2024-13-01T00:00:00", "0001-01-01T00:00:00+01:00", 5])
    def test_no_time(self, put: Callable[..., requests.Response], platform: Platform, time: object) -> None:
        """A time that is none is 400 and changes nothing."""
        before = state(platform)
        check_refusal(put("Active", start_time=time), 400)
        assert state(platform) == before

    @settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(moves=st.lists(st.sampled_from(STATUSES), max_size=6))
    def test_any_way(
        self, platform: Platform, definition: JobDefinition, version: JobDefinitionVersion, moves: list[str]
    ) -> None:
        """Whatever is tried, a finished job stays as it is, and ends exactly when it is finished."""
        wire = Wire(platform)
        path = f"/organizations/{{org}}/training/definitions/{definition.name}"
        number = version.job_definition_version_id
        shown = wire("POST", f"{path}/versions/{number}/jobs", json={}).json()
        for status in moves:
            answer = wire("PUT", f"{path}/jobs/{shown['id']}/status", json={"status": status})
            moved, stopped = (shown["status"], status) in MOVES, shown["status"] == "Stopped"
            assert (answer.status_code == 200) == (moved or stopped)
            after = wire("GET", f"{path}/jobs/{shown['id']}").json()
            assert (after == shown) == (not moved)
            shown = after
            assert (shown["completion_time"] is not None) == (shown["status"] in FINISHED)
            if shown["status"] in {"Active", "Complete", "Failed"}:
                assert shown["start_time"] is not None


class TestStop:
    """POST …/jobs/{training_job_id}/stop."""

    @pytest.mark.parametrize("body", [{}, {"json": {}}, {"headers": {"Content-Type": "application/json"}}])
    def test_message(self, wire: Wire, job: Job, job_path: str, body: dict[str, object]) -> None:
        """The SDK posts no body, the CLI an empty one; the message names definition and job."""
        assert wire("POST", f"{job_path}/stop", **body).json() == {"message": f"definition:{job.job_id} stopped"}

    def test_message_under_the_id(self, wire: Wire, definition: JobDefinition, job: Job) -> None:
        """The message has the name of the definition, also where the path has its id."""
        path = f"/organizations/{{org}}/training/definitions/{definition.job_definition_id}/jobs/{job.job_id}/stop"
        assert wire("POST", path).json() == {"message": f"definition:{job.job_id} stopped"}

    def test_before_it_started(self, definition: JobDefinition, job: Job) -> None:
        """A Pending job that is stopped has ended without having started."""
        definition.jobs().stop(job.job_id)
        stopped = definition.jobs().get(job.job_id)
        assert stopped.status == job_status.STOPPED
        assert not stopped.start_time
        assert ZULU_MICROSECONDS.fullmatch(stopped.completion_time)

    def test_while_it_runs(self, put: Callable[..., requests.Response], definition: JobDefinition, job: Job) -> None:
        """An Active job that is stopped keeps the time it started at."""
        started = put("Active").json()["start_time"]
        definition.jobs().stop(job.job_id)
        stopped = definition.jobs().get(job.job_id)
        assert (stopped.status, stopped.start_time) == (job_status.STOPPED, started)

    @pytest.mark.parametrize("status", FINISHED)
    def test_finished(
        self,
        api: APIClient,
        put: Callable[..., requests.Response],
        platform: Platform,
        organization: str,
        job: Job,
        status: str,
    ) -> None:
        """A finished job cannot be stopped, and stays how it ended."""
        for step in WAYS[status]:
            put(step)
        before = state(platform)
        with pytest.raises(abeja.exceptions.Conflict, match=f"is {status} and cannot become Stopped"):
            api.stop_training_job(organization, "definition", job.job_id)
        assert state(platform) == before

    def test_by_delete(self, wire: Wire, job_path: str) -> None:
        """SDK 1.0.8 and before stop a job with DELETE; the job is still there."""
        assert wire("DELETE", job_path).json() == {"message": "deleted"}
        assert wire("GET", job_path).json()["status"] == "Stopped"
        check_refusal(wire("DELETE", job_path), 409, "is Stopped")


class TestRules:
    """What the runtime uses directly."""

    def test_message(self, platform: Platform, job: Job, wire: Wire, job_path: str) -> None:
        """How a job ended is its `status_message`."""
        jobs = Jobs(platform.world)
        with platform.world.store.transaction():
            jobs.move(jobs.find(job.job_id), "Active")
            jobs.move(jobs.find(job.job_id), "Failed", "ValueError: no")
        assert wire("GET", job_path).json()["status_message"] == "ValueError: no"

    def test_configure(self, platform: Platform, definition: JobDefinition, job: Job) -> None:
        """A job that runs here can be given other datasets and variables, which replace all it had."""
        jobs = Jobs(platform.world)
        with platform.world.store.transaction():
            jobs.configure(jobs.find(job.job_id), datasets={"train": "1"}, environment={"B": "2"})
        shown = definition.jobs().get(job.job_id)
        assert (shown.datasets, shown.environment, shown.status) == ({"train": "1"}, {"B": "2"}, job_status.PENDING)

    def test_names_are_checked_below_the_wire(self, platform: Platform, version: JobDefinitionVersion) -> None:
        """The rules hold for whoever calls them, not only for what comes over the wire."""
        definitions = Definitions(platform.world)
        definition = definitions.get(platform.organization.id, "definition")
        first = definitions.version(definition, str(version.job_definition_version_id))
        with pytest.raises(BadRequest, match="'a b' cannot be the name of a variable"):
            Jobs(platform.world).create(definition, first, platform.user.id, environment={"a b": 1})
