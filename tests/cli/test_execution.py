"""How jobs are run, said on the command line: their Python's random numbers, requirements and limits."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.packages import make_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.commands import Commands

TRAIN = """
import os
import random
import sys
import time


def draws(context):
    print("drawn", random.random())


def imports(context):
    import greeting
    print("greeting is", greeting.value, "in", sys.prefix)


def fills(context):
    data = b"x" * 400_000_000
    print("filled")
    time.sleep(float(os.environ.get("SECONDS", "0")))
"""


@pytest.fixture
def project(command: Commands) -> Path:
    """A source folder with handlers."""
    (command.folder / "train.py").write_text(TRAIN, encoding="utf-8")
    return command.folder


def ran(command: Commands, *arguments: str, code: int = 0) -> tuple[dict[str, Any], list[str]]:
    """Run a job and return its result and its log."""
    events = command.events("run", *arguments, code=code)
    return events[-1], [event["message"] for event in events if event["event"] == "log"]


@pytest.mark.usefixtures("project")
class TestRandomSeed:
    """`--random-seed`."""

    def test_numbers_repeat(self, command: Commands) -> None:
        """With the same seed they are the same, with another one others."""
        logs = [ran(command, "train:draws", "--random-seed", seed)[1] for seed in ("1", "1", "2")]
        assert logs[0] == logs[1] != logs[2]
        assert logs[0][0].startswith("drawn 0.")

    def test_what_is_no_seed(self, command: Commands) -> None:
        """The command says so before anything is made."""
        said = command.refused("run", "train:draws", "--random-seed", "-1", code=2)
        assert "'-1' is no seed of random numbers" in said


@pytest.mark.usefixtures("project")
class TestRequirements:
    """`--install-requirements`."""

    def test_they_are_there(self, command: Commands, project: Path) -> None:
        """In an environment of the job's own, which the next run finds again; without the option they are not."""
        make_wheel(project / "wheels", "greeting", value="hello")
        # What an image carries, so that nothing of it comes from elsewhere.
        make_wheel(project / "wheels", "abeja_sdk", value="none")
        (project / "requirements.txt").write_text("--no-index\n--find-links ./wheels\ngreeting\n", encoding="utf-8")
        logs = [ran(command, "train:imports", "--install-requirements")[1] for _ in range(2)]
        (first, second) = (next(line for line in log if line.startswith("greeting is")) for log in logs)
        assert first.startswith("greeting is hello in ")
        assert first == second
        assert sys.prefix not in first
        result, log = ran(command, "train:imports", code=1)
        assert result["status"] == "Failed"
        assert any("No module named 'greeting'" in line for line in log)

    def test_what_cannot_be_installed(self, command: Commands, project: Path) -> None:
        """The job fails, and its log names what is missing."""
        make_wheel(project / "wheels", "abeja_sdk", value="none")
        text = "--no-index\n--find-links ./wheels\nno-such-thing==1\n"
        (project / "requirements.txt").write_text(text, encoding="utf-8")
        result, log = ran(command, "train:imports", "--install-requirements", code=1)
        assert result["status"] == "Failed"
        assert "no-such-thing" in "\n".join(log)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process uses")
@pytest.mark.usefixtures("project")
class TestLimits:
    """`--limits` and `--instance-limit`."""

    def test_a_job_past_its_memory(self, command: Commands) -> None:
        """It ends with 137 and a sentence; with more memory, or without limits, it ends well."""
        job = ("train:fills", "--instance-type", "cpu-1")
        assert ran(command, *job)[0]["status"] == "Complete"
        assert ran(command, *job, "--limits")[0]["status"] == "Complete"
        # Long enough for it to be seen, and to no purpose where nobody looks.
        limited = (*job, "--instance-limit", "cpu-1=200MB, 1 cpu", "--env", "SECONDS=100")
        result, log = ran(command, *limited, code=1)
        assert result["status"] == "Failed"
        assert "137" in json.dumps(result)
        assert any("memory" in line for line in log), log

    @pytest.mark.parametrize("limit", ["cpu-1=much", "somewhat=2GB"])
    def test_a_limit_that_cannot_be(self, command: Commands, limit: str) -> None:
        """It is named, and how one is written."""
        assert limit.partition("=")[0] in command.refused("run", "train:draws", "--instance-limit", limit, code=2)
