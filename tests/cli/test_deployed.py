"""`services`, `runs`, and `logs` of them: what a served platform runs besides jobs, by the published runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abeja_emulator.cli.client import Client
from abeja_emulator.cli.runs import row
from tests.cli.jobs import make_job
from tests.cli.serving import BROKEN, Deployed, await_status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.commands import Commands, Server

pytest.importorskip("abejaruntime36", reason="models are served by the published runtime")


@pytest.fixture
def deployed(server: Server) -> Iterator[Deployed]:
    """A deployment of the server."""
    with Deployed(server) as deployed:
        yield deployed


@pytest.mark.usefixtures("server")
class TestLists:
    """`services` and `runs`."""

    @pytest.mark.parametrize("kind", ["service", "run"])
    def test_none(self, command: Commands, kind: str) -> None:
        """A server without any says so, also for one status."""
        assert command(f"{kind}s").stdout == f"there are no {kind}s\n"
        assert command(f"{kind}s", "--status", "FAILED").stdout == f"no {kind} is FAILED\n"
        assert command.json(f"{kind}s") == {f"{kind}s": [], "total": 0}

    def test_services(self, command: Commands, deployed: Deployed) -> None:
        """The newest first, each with its status, how many instances answer, and what leads to it."""
        good, bad = deployed.service(), deployed.service(BROKEN)
        deployed.endpoint(good, "default")
        deployed.endpoint(good, "second")
        await_status(command, "service", good, "READY")
        await_status(command, "service", bad, "FAILED")
        header, first, second = command("services").stdout.splitlines()
        assert header.split() == ["service", "deployment", "status", "created", "instances", "endpoints"]
        assert first.split()[:3] == [bad, "reader:0.0.2", "FAILED"]
        assert first.endswith("0 of 1")
        assert second.split()[:3] == [good, "reader:0.0.1", "READY"]
        assert second.endswith("1 of 1     default, second")
        assert [each["service_id"] for each in command.json("services", "--status", "READY")["services"]] == [good]
        assert command("services", "--limit", "1").stdout.endswith("(the newest 1 of 2; --limit shows more)\n")
        assert command("services", "--deployment", "other").stdout == "there are no services\n"

    def test_runs(self, command: Commands, deployed: Deployed) -> None:
        """The newest first, each with its status and how often it was tried."""
        good, bad = deployed.run(), deployed.run(BROKEN, retry_count=0)
        await_status(command, "run", good, "SUCCEEDED")
        await_status(command, "run", bad, "FAILED")
        header, first, second = command("runs").stdout.splitlines()
        assert header.split() == ["run", "deployment", "status", "created", "tries", "trigger", "output"]
        assert first.split()[:3] == [bad, "reader:0.0.2", "FAILED"]
        assert second.split()[:3] == [good, "reader:0.0.1", "SUCCEEDED"]
        assert "1 of 1" in first
        assert [each["run_id"] for each in command.json("runs", "--status", "FAILED")["runs"]] == [bad]


def test_row_of_a_run() -> None:
    """That it waits, how often it was tried, the trigger that made it, and where its output is."""
    run = {
        "run_id": "run-1",
        "deployment": "reader",
        "version": "0.0.1",
        "status": "RUNNABLE",
        "queued": True,
        "created_at": "2025-11-29T12:00:00.123456Z",
        "retries": 1,
        "retry_count": 2,
        "trigger_id": "tri-1",
        "output": {"$datalake:1": "1230000000000/file"},
    }
    assert row(run) == (
        *("run-1", "reader:0.0.1", "RUNNABLE (waits)", "2025-11-29 12:00:00"),
        *("2 of 3", "tri-1", "1230000000000/file"),
    )


class TestLogs:
    """`logs` of a service or a run."""

    def test_service(self, command: Commands, deployed: Deployed) -> None:
        """Its log as it is; followed, until somebody stops it, which ends the one who follows with 4."""
        service = deployed.service()
        with command.start("logs", service, "-f") as following:
            following.wait_for("the model is loaded")
            await_status(command, "service", service, "READY")
            deployed.stop(service)
            _, said = following.end()
        assert following.popen.returncode == 4
        assert f"service {service} is STOPPED" in said
        assert "the model is loaded" in command("logs", service).stdout

    def test_service_that_cannot_be_loaded(self, command: Commands, deployed: Deployed) -> None:
        """It ends with 1, and the traceback is shown."""
        service = deployed.service(BROKEN)
        done = command("logs", service, "--follow", code=1)
        assert "RuntimeError: cannot be loaded" in done.stdout
        assert f"service {service} is FAILED" in done.stderr

    @pytest.mark.parametrize("code", [0, 1])
    def test_run(self, command: Commands, deployed: Deployed, code: int) -> None:
        """It goes on until the run has ended, and its exit code is the run's."""
        run = deployed.run(BROKEN, retry_count=0) if code else deployed.run()
        done = command("logs", run, "-f", code=code)
        assert ("it was asked" in done.stdout, "cannot be loaded" in done.stdout) == (code == 0, code == 1)
        assert f"run {run} is {'FAILED' if code else 'SUCCEEDED'}" in done.stderr

    def test_json(self, command: Commands, deployed: Deployed) -> None:
        """A program reads an object a line."""
        run = deployed.run()
        command("logs", run, "-f")
        (line,) = (each for each in command.events("logs", run) if each["message"] == "it was asked")
        assert set(line) == {"timestamp", "message"}
        assert isinstance(line["timestamp"], int)

    def test_what_is_not_there(self, command: Commands, deployed: Deployed, server: Server, handlers: Path) -> None:
        """It is said what there is: of its kind, or of each kind when no id looks like that."""
        service, run = deployed.service(), deployed.run()
        said = command.refused("logs", code=1)
        assert f"has no jobs; name a service or a run; newest services: {service}; newest runs: {run}" in said
        job = make_job(server, handlers, "train:quick")
        said = command.refused("logs", "ser-0", "-f", code=1)
        assert f"there is no service 'ser-0'; newest services: {service}" in said
        assert f"there is no run 'run-0'; newest runs: {run}" in command.refused("logs", "run-0", code=1)
        said = command.refused("logs", "reader", code=2)
        assert "'reader' is no id of a job (digits), a service (ser-…) or a run (run-…)" in said
        assert f"newest jobs: {job}; services: {service}; runs: {run}" in said


def test_what_is_stopped_is_counted(command: Commands) -> None:
    """Health tells what runs and what waits, and the last line what is ended; another server has them again."""
    with command.serve("--data", "data", "--job-mode", "held") as server, Deployed(server) as deployed:
        command.environment.update(server.variables)
        service, run = deployed.service(), deployed.run()
        await_status(command, "service", service, "READY")
        with Client(server.url) as client:
            health = client.health()
            assert (health["services_running"], health["runs_running"], health["runs_queued"]) == (1, 0, 1)
            assert client.control("PUT", "/jobs-mode", {"mode": "immediate"})["mode"] == "immediate"
            assert client.control("POST", f"/runs/{run}/release")
        command("logs", run, "-f")
        code, said = server.stop()
        assert code == 0
        assert "stopping 1 service\n" in said
    with command.serve("--data", "data") as server:
        command.environment.update(server.variables)
        assert await_status(command, "service", service, "READY")["service_id"] == service
        assert command.json("runs")["runs"][0]["status"] == "SUCCEEDED"
