"""`jobs`, `logs` and `snapshot`: looking at a running server, and taking it back to where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abeja_emulator.cli.client import Client
from tests.cli.jobs import make_job

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.commands import Commands, Server


@pytest.mark.usefixtures("server")
class TestJobs:
    """`jobs`."""

    def test_none(self, command: Commands) -> None:
        """A server without jobs says so, also for one status."""
        assert command("jobs").stdout == "there are no jobs\n"
        assert command("jobs", "--status", "Failed").stdout == "no job is Failed\n"
        assert command.json("jobs") == {"jobs": [], "total": 0}

    def test_table(self, command: Commands, server: Server, handlers: Path) -> None:
        """The newest first, each with its status, why it failed, its time, and the last it posted."""
        good, bad = (make_job(server, handlers, f"train:{name}") for name in ("quick", "fails"))
        for job, code in ((good, 0), (bad, 1)):
            command("logs", job, "--follow", code=code)
        header, first, second = command("jobs").stdout.splitlines()
        assert header.split() == ["job", "definition", "status", "created", "time", "last", "statistics"]
        assert first.split()[:3] == [bad, "train-fails-abeja-inc:1", "Failed"]
        assert "ValueError: no such thing" in first
        assert second.split()[:3] == [good, "train-quick-abeja-inc:1", "Complete"]
        assert second.endswith("train accuracy 0.3 loss 0.3333")

    def test_status_and_limit(self, command: Commands, server: Server, handlers: Path) -> None:
        """Only those that are asked for; what is left out is said."""
        jobs = [make_job(server, handlers, f"train:{name}") for name in ("quick", "fails", "by_attribute")]
        for job in jobs:
            command("logs", job, "-f", code=0 if job == jobs[0] else 1)
        assert [job["training_job_id"] for job in command.json("jobs", "--status", "Complete")["jobs"]] == jobs[:1]
        shown = command("jobs", "--limit", "2").stdout
        assert jobs[0] not in shown
        assert shown.endswith("(the newest 2 of 3; --limit shows more)\n")


class TestLogs:
    """`logs`."""

    @pytest.mark.parametrize(("handler", "code", "status"), [("quick", 0, "Complete"), ("fails", 1, "Failed")])
    def test_follow_ends_as_the_job(
        self, command: Commands, server: Server, handlers: Path, handler: str, code: int, status: str
    ) -> None:
        """It goes on until the job has ended, shows its whole log, and its exit code is the job's."""
        job = make_job(server, handlers, f"train:{handler}")
        done = command("logs", job, "--follow", code=code)
        assert ("it begins" in done.stdout, "ValueError: no such thing" in done.stdout) == (code == 0, code == 1)
        assert f"job {job} is {status}" in done.stderr

    def test_a_stopped_job(self, command: Commands, server: Server, handlers: Path) -> None:
        """A job that somebody stops ends the one who follows it with 4, after the last that it wrote."""
        job = make_job(server, handlers, "train:waits")
        with command.start("logs", job, "-f") as following:
            following.wait_for("it waits")
            with Client(server.url) as client:
                path = f"/organizations/{server.variables['ABEJA_ORGANIZATION_ID']}/training/definitions"
                headers = {"Authorization": "Bearer any"}
                client.call("POST", f"{path}/train-waits-abeja-inc/jobs/{job}/stop", None, headers)
            shown, said = following.end()
        assert "it was asked to end" in shown
        assert following.popen.returncode == 4
        assert f"job {job} is Stopped" in said

    def test_the_newest_by_default(self, command: Commands, server: Server, handlers: Path) -> None:
        """Without a job the newest one is meant; levels and times of day are shown."""
        make_job(server, handlers, "train:fails")
        make_job(server, handlers, "train:quick")
        lines = command("logs", "-f").stdout.splitlines()
        assert [line[8:] for line in lines if not line[8:].startswith("  WARNING abeja-emulator")] == [
            "  it begins",
            "  WARNING take care",
        ]
        assert command("logs").stdout.splitlines() == lines

    def test_json(self, command: Commands, server: Server, handlers: Path) -> None:
        """A program reads an object a line."""
        make_job(server, handlers, "train:quick")
        events = command.events("logs", "-f")
        assert {"level": "INFO", "message": "it begins"}.items() <= events[0].items()
        assert isinstance(events[0]["timestamp"], int)

    def test_more_than_a_page(self, command: Commands, server: Server, handlers: Path) -> None:
        """A log of thousands of lines is shown whole, each line once and in its order."""
        text = "def handler(context):\n    for number in range(2500):\n        print(number)\n"
        (handlers / "talks.py").write_text(text, encoding="utf-8")
        job = make_job(server, handlers, "talks:handler")
        messages = [event["message"] for event in command.events("logs", job, "-f")]
        assert [message for message in messages if message.isdigit()] == [str(number) for number in range(2500)]

    def test_no_such_job(self, command: Commands, server: Server, handlers: Path) -> None:
        """A job that is not there is named, and the newest ones are."""
        assert "has no jobs" in command.refused("logs", code=1)
        job = make_job(server, handlers, "train:quick")
        said = command.refused("logs", "1999999999999", "-f", code=1)
        assert f"there is no training job '1999999999999'; newest jobs: {job}" in said


@pytest.mark.usefixtures("server")
class TestSnapshot:
    """`snapshot`."""

    def test_save_load_list_delete(self, command: Commands) -> None:
        """What came after it was saved is gone when it is loaded; it stays until it is deleted."""
        assert command("snapshot", "list").stdout == "there are no snapshots\n"
        command("seed", "points")
        assert "as before" in command("snapshot", "save", "before").stdout
        command("seed", "shapes")
        for _ in range(2):
            command("snapshot", "load", "before")
            assert command.json("seed", "shapes")["datasets"][0]["name"] == "shapes"
        header, row = command("snapshot", "list").stdout.splitlines()
        assert header.split() == ["snapshot", "saved", "records", "size"]
        assert row.split()[0] == "before"
        assert [each["name"] for each in command.json("snapshot", "list")["snapshots"]] == ["before"]
        assert command.json("snapshot", "delete", "before") == {"action": "delete", "name": "before"}
        assert command.json("snapshot", "list") == {"snapshots": []}

    @pytest.mark.parametrize("action", ["load", "delete"])
    def test_one_that_is_not_there(self, command: Commands, action: str) -> None:
        """It is said which there are."""
        command("snapshot", "save", "mine")
        assert "there is no snapshot 'other'; there are mine" in command.refused("snapshot", action, "other", code=1)

    @pytest.mark.parametrize("name", ["../outside", "a/b", ".hidden", "x" * 300, "ü"])
    def test_a_name_that_cannot_be(self, command: Commands, name: str) -> None:
        """A name that could be no file's, or another folder's, is refused by the server, whatever is in it."""
        assert "a snapshot has a name" in command.refused("snapshot", "save", name, code=1)
