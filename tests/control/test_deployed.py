"""Services and runs as the control API shows and steers them; runs with the real host, which holds them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.hosts import Hosts
from abeja_emulator.runtime.runner import Timing
from abeja_emulator.services.logs.pages import RUN_LOG, SERVICE_LOG
from tests.control.deployed import Deployed, StubServices

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abeja_emulator.control.desk import ModeControl, RunControl
    from abeja_emulator.platform import Platform
    from tests.control.steering import Steering

PATIENCE = 60

UNKNOWN = "1999999999999"

#: Kind, and what its log is kept as.
KINDS = [("service", SERVICE_LOG), ("run", RUN_LOG)]


@pytest.fixture
def hosts(platform: Platform, tmp_path: Path) -> Iterator[Hosts]:
    """What runs runs, each once it is let go; jobs and services are run by nobody."""
    environment = {name: value for name, value in os.environ.items() if "ABEJA" not in name}
    hosts = Hosts(
        platform,
        tmp_path / "hosts",
        api_url=lambda: "http://127.0.0.1:9",
        environment=lambda: environment,
        mode="held",
        timing=Timing(1, 2),
    )
    with hosts.runs:
        yield hosts


@pytest.fixture
def services() -> StubServices:
    """What is said of services."""
    return StubServices()


@pytest.fixture
def attended(services: StubServices, hosts: Hosts) -> dict[str, Any]:
    """Who runs services and runs, for the control API."""
    runs: RunControl = hosts.runs
    modes: ModeControl = hosts
    return {"services": services, "runs": runs, "modes": modes}


@pytest.fixture
def deployed(platform: Platform) -> Deployed:
    """A deployment."""
    return Deployed(platform)


def made(deployed: Deployed, kind: str) -> str:
    """Make a service or a run, and return its id."""
    return deployed.service().service_id if kind == "service" else deployed.run().run_id


class TestServices:
    """GET /_emulator/services."""

    def test_what_is_shown(self, steer: Steering, platform: Platform, deployed: Deployed) -> None:
        """Deployment and version by their names, every endpoint that leads to it; null where nobody runs services."""
        service, other = deployed.service(instance_number=2, environment={"A": "private"}), deployed.service()
        endpoints = [deployed.endpoint(service, alias) for alias in ("default", "second")]
        deployed.endpoint(other, "other")
        listed = steer("GET", "/services")["services"][1]
        assert steer("GET", f"/services/{service.service_id}") == listed
        modified = listed.pop("modified_at")
        assert listed == {
            "service_id": service.service_id,
            "organization_id": platform.organization.id,
            "deployment_id": deployed.deployment.deployment_id,
            "deployment": "reader",
            "version": "0.0.1",
            "version_id": deployed.version.version_id,
            "status": "READY",
            "starting": False,
            "instances": None,
            "instance_number": 2,
            "endpoints": [{"endpoint_id": each.endpoint_id, "custom_alias": each.custom_alias} for each in endpoints],
            "created_at": service.created_at + "Z",
        }
        assert modified >= service.modified_at

    @pytest.mark.usefixtures("attended")
    def test_what_the_server_does(self, steer: Steering, deployed: Deployed, services: StubServices) -> None:
        """How many instances answer, nought where it runs none, and whether it is busy with it."""
        up, starts = deployed.service(), deployed.service()
        deployed.move_service(up, "READY")
        services.answering, services.busy = {up.service_id: 2}, [starts.service_id]
        shown = {each["service_id"]: each for each in steer("GET", "/services")["services"]}
        assert (shown[up.service_id]["instances"], shown[up.service_id]["starting"]) == (2, False)
        assert (shown[starts.service_id]["instances"], shown[starts.service_id]["starting"]) == (0, True)

    def test_filters(self, steer: Steering, platform: Platform, deployed: Deployed) -> None:
        """By status, by the deployment's name or id; newest first, of every organization; `total` counts all."""
        other = Deployed(platform, "other", platform.seed.organization("other").id)
        made = [deployed.service(), other.service(), deployed.service()]
        deployed.move_service(made[0], "READY")

        def shown(query: str) -> list[int]:
            found = [each["service_id"] for each in steer("GET", "/services?" + query)["services"]]
            return [[each.service_id for each in made].index(each) for each in found]

        assert shown("") == [2, 1, 0]
        assert shown("status=READY") == [0]
        assert shown("deployment=other") == shown(f"deployment={other.deployment.deployment_id}") == [1]
        assert shown("deployment=reader&limit=1") == [2]
        assert steer("GET", "/services?deployment=reader&limit=1")["total"] == 2
        assert shown("deployment=nowhere") == []


class TestRuns:
    """GET /_emulator/runs."""

    def test_what_is_shown(self, steer: Steering, platform: Platform, deployed: Deployed) -> None:
        """How often it was tried, and where its output went; neither its variables nor its input."""
        run = deployed.run(retry_count=2, environment={"A": "private"}, input_data={"a": "private"})
        deployed.move_run(run, "STARTING", "RUNNABLE", "RUNNING")
        deployed.keep_output(run, {"$datalake:1": "1230000000000/20251129T000000-abc"})
        shown = steer("GET", f"/runs/{run.run_id}")
        modified = shown.pop("modified_at")
        assert shown == {
            "run_id": run.run_id,
            "organization_id": platform.organization.id,
            "deployment_id": deployed.deployment.deployment_id,
            "deployment": "reader",
            "version": "0.0.1",
            "version_id": deployed.version.version_id,
            "status": "RUNNING",
            "queued": False,
            "running": False,
            "retries": 1,
            "retry_count": 2,
            "trigger_id": None,
            "output": {"$datalake:1": "1230000000000/20251129T000000-abc"},
            "created_at": run.created_at + "Z",
        }
        assert modified > run.created_at

    def test_filters(self, steer: Steering, platform: Platform, deployed: Deployed) -> None:
        """By status, by the deployment's name or id; newest first, of every organization; `total` counts all."""
        other = Deployed(platform, "other", platform.seed.organization("other").id)
        made = [deployed.run(), other.run(), deployed.run()]
        deployed.move_run(made[0], "FAILED")

        def shown(query: str) -> list[int]:
            found = [each["run_id"] for each in steer("GET", "/runs?" + query)["runs"]]
            return [[each.run_id for each in made].index(each) for each in found]

        assert shown("") == [2, 1, 0]
        assert shown("status=FAILED") == [0]
        assert shown("deployment=other") == shown(f"deployment={other.deployment.deployment_id}") == [1]
        assert shown("deployment=reader&limit=1") == [2]
        assert steer("GET", "/runs?deployment=reader&limit=1")["total"] == 2


@pytest.mark.parametrize("kind", ["services", "runs"])
@pytest.mark.parametrize("query", ["status=Failed", "status=", "limit=0", "limit=x", "name=a"])
def test_bad_lists(steer: Steering, kind: str, query: str) -> None:
    """What none can be is refused, not answered with nothing."""
    steer.refused(400, "GET", f"/{kind}?{query}", f"get_{kind}")


@pytest.mark.parametrize(("kind", "table"), KINDS)
class TestLog:
    """GET /_emulator/services/{service_id}/log and /_emulator/runs/{run_id}/log."""

    @pytest.mark.parametrize("limit", [1, 2, 100])
    def test_every_line_once(self, steer: Steering, deployed: Deployed, kind: str, table: str, limit: int) -> None:
        """In order, those of another left out, also those that come between two pages."""
        identifier, other = made(deployed, kind), made(deployed, kind)
        path, after, seen = f"/{kind}s/{identifier}/log", 0, list[str]()
        for number in range(3):
            deployed.log(table, identifier, f"{number} a", f"{number} b")
            deployed.log(table, other, "another's")
            page = steer("GET", f"{path}?after={after}&limit={limit}")
            assert len(page["lines"]) <= limit
            after = page["next"]
            seen += [line["message"] for line in page["lines"]]
        while page["lines"]:
            page = steer("GET", f"{path}?after={after}&limit={limit}")
            after = page["next"]
            seen += [line["message"] for line in page["lines"]]
        expected = [f"{number} {letter}" for number in range(3) for letter in "ab"]
        assert [line for line in seen if not line.startswith("starting version")] == expected

    def test_time(self, steer: Steering, platform: Platform, deployed: Deployed, kind: str, table: str) -> None:
        """Of the platform's clock, in milliseconds."""
        identifier = made(deployed, kind)
        before = platform.clock.now().timestamp() * 1000
        deployed.log(table, identifier, "now")
        line = steer("GET", f"/{kind}s/{identifier}/log")["lines"][-1]
        assert line["message"] == "now"
        assert before - 1 <= line["timestamp"] <= platform.clock.now().timestamp() * 1000 + 1

    def test_secrets(self, steer: Steering, platform: Platform, deployed: Deployed, kind: str, table: str) -> None:
        """No token and no signature is shown, whoever wrote it."""
        identifier, secret = made(deployed, kind), platform.secrets()[0]
        signature = "signature=" + "a" * 64
        deployed.log(table, identifier, f"my token is {secret}", f"https://x/?{signature}")
        shown = [line["message"] for line in steer("GET", f"/{kind}s/{identifier}/log")["lines"][-2:]]
        assert shown == ["my token is (hidden)", "https://x/?signature=(hidden)"]

    def test_bad(self, steer: Steering, deployed: Deployed, kind: str, table: str) -> None:
        """One that is not there is not found, and the newest are named; a place that none can be is refused."""
        del table
        for path in (f"/{kind}s/{UNKNOWN}", f"/{kind}s/{UNKNOWN}/log"):
            steer.refused(404, "GET", path, f"there is no {kind} '{UNKNOWN}'", f"newest {kind}s: none")
        identifiers = [made(deployed, kind) for _ in range(2)]
        named = f"newest {kind}s: {identifiers[1]}, {identifiers[0]}"
        steer.refused(404, "GET", f"/{kind}s/{UNKNOWN}/log", named)
        for query in ("after=-1", "after=x", "limit=0"):
            steer.refused(400, "GET", f"/{kind}s/{identifiers[0]}/log?{query}", f"get_{kind}_log")


class TestEnded:
    """When nothing comes behind a log."""

    @pytest.mark.parametrize(("status", "ended"), [("READY", False), ("FAILED", True), ("STOPPED", True)])
    @pytest.mark.usefixtures("attended")
    def test_service(
        self, steer: Steering, deployed: Deployed, services: StubServices, status: str, ended: bool
    ) -> None:
        """It is stopped or has failed, nobody is busy with it any more, and the page is the last."""
        service = deployed.service()
        deployed.log(SERVICE_LOG, service.service_id, "a line")
        path = f"/services/{service.service_id}/log"
        assert not steer("GET", path)["ended"]
        deployed.move_service(service, status)
        services.busy = [service.service_id]
        assert not steer("GET", path)["ended"]
        services.busy = []
        assert steer("GET", path)["ended"] is ended
        assert not steer("GET", path + "?limit=1")["ended"]

    @pytest.mark.parametrize(("statuses", "ended"), [(["RUNNING"], False), (["RUNNING", "SUCCEEDED"], True)])
    def test_run(self, steer: Steering, deployed: Deployed, statuses: list[str], ended: bool) -> None:
        """It has come to its end, and the page is the last."""
        run = deployed.run()
        deployed.log(RUN_LOG, run.run_id, "one", "two")
        deployed.move_run(run, *statuses)
        assert steer("GET", f"/runs/{run.run_id}/log")["ended"] is ended
        assert not steer("GET", f"/runs/{run.run_id}/log?limit=1")["ended"]


@pytest.mark.usefixtures("attended")
class TestRelease:
    """POST /_emulator/runs/{run_id}/release."""

    def test_held_run_runs_to_its_end(self, steer: Steering, deployed: Deployed, hosts: Hosts) -> None:
        """It waits until it is let go, and no other is let go with it; that it has no code is in its log."""
        run, other = deployed.run(), deployed.run()
        assert {shown["queued"] for shown in steer("GET", "/runs")["runs"]} == {True}
        assert steer("POST", f"/runs/{run.run_id}/release")["message"] == f"run {run.run_id} is let go"
        assert hosts.runs.wait(run.run_id, PATIENCE).status == "FAILED"
        shown = {each["run_id"]: each for each in steer("GET", "/runs")["runs"]}
        assert (shown[run.run_id]["queued"], shown[other.run_id]["queued"]) == (False, True)
        page = steer("GET", f"/runs/{run.run_id}/log")
        assert page["ended"]
        assert any("0.0.1" in line["message"] for line in page["lines"]), page

    def test_one_that_does_not_wait(self, steer: Steering, deployed: Deployed) -> None:
        """It is refused with where it is; one that is not there is not found."""
        run = deployed.run()
        deployed.move_run(run, "FAILED")
        steer.refused(409, "POST", f"/runs/{run.run_id}/release", "does not wait here: it is FAILED")
        steer.refused(
            404, "POST", f"/runs/{UNKNOWN}/release", f"there is no run '{UNKNOWN}'; newest runs: {run.run_id}"
        )


def test_release_where_none_run(steer: Steering, deployed: Deployed) -> None:
    """A server that runs no runs says so."""
    steer.refused(409, "POST", f"/runs/{deployed.run().run_id}/release", "runs no runs")


@pytest.mark.usefixtures("attended")
def test_mode_is_that_of_jobs_and_runs(steer: Steering, hosts: Hosts) -> None:
    """One setting for both, mode and times."""
    assert steer("GET", "/jobs-mode") == {"mode": "held", "pending_seconds": 1, "active_seconds": 2}
    steer("PUT", "/jobs-mode", json={"mode": "virtual", "active_seconds": 90.5})
    for host in (hosts.executor, hosts.runs):
        assert (host.mode, host.timing.pending, host.timing.active) == ("virtual", 1, 90.5)


@pytest.mark.usefixtures("attended")
def test_health_counts_services_and_runs(
    steer: Steering, platform: Platform, deployed: Deployed, services: StubServices
) -> None:
    """Services that answer and that start, runs that run and that wait; also while somebody holds the state."""
    deployed.run()
    services.answering, services.busy = {"ser-1": 2, "ser-2": 1, "ser-3": 0}, ["ser-3"]
    with platform.world.store.transaction():
        health: dict[str, Any] = steer("GET", "/health")
    counts = ("services_running", "services_starting", "runs_running", "runs_queued")
    assert [health[name] for name in counts] == [2, 1, 0, 1]
