"""`init`: what it writes works as it is."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import shell_environment

if TYPE_CHECKING:
    from tests.cli.commands import Commands

FILES = {"train.py", "predict.py", "training.yaml", "test_train.py", "seed.yaml"}


def test_its_test_passes(command: Commands) -> None:
    """The written test trains the written handler, under the command that `init` names."""
    said = command("init", "starter").stdout
    assert "pytest --abeja-emulate" in said
    assert {path.name for path in (command.folder / "starter").iterdir()} == FILES
    tried = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--abeja-emulate"],
        cwd=command.folder / "starter",
        env=shell_environment(command.home, {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert "1 passed" in tried.stdout


def test_it_runs(command: Commands) -> None:
    """`run` trains it, with the handler that training.yaml names."""
    command("init")
    result = command.events("run", "--dataset", "train=points")[-1]
    assert result["status"] == "Complete"
    assert set(result["artifacts"]) == {"model.json", "train.log"}


def test_it_answers(command: Commands) -> None:
    """`pipeline` trains it and asks it, as `init` shows it."""
    pytest.importorskip("abejaruntime36", reason="models are served by the published runtime")
    shown = command("init").stdout.splitlines()
    line = next(line for line in shown if " pipeline " in line)
    result = command.events(*shlex.split(line)[1:])[-1]
    assert (result["ok"], result["answers"]) == (True, [200])


def test_its_seed_is_what_training_yaml_names(command: Commands) -> None:
    """The dataset of seed.yaml has the id that training.yaml gives to jobs."""
    command("init")
    made = command.json("seed", "seed.yaml", "--data", "data")
    (dataset,) = made["datasets"]
    assert dataset["total_count"] == 60
    assert f"train: {dataset['dataset_id']}" in (command.folder / "training.yaml").read_text(encoding="utf-8")


def test_nothing_is_overwritten(command: Commands) -> None:
    """With one of the files there, none is written."""
    (command.folder / "seed.yaml").write_text("mine", encoding="utf-8")
    assert ". has seed.yaml already, and nothing is overwritten" in command.refused("init", code=1)
    assert [path.name for path in command.folder.iterdir()] == ["seed.yaml"]
    assert (command.folder / "seed.yaml").read_text(encoding="utf-8") == "mine"


def test_without_pyyaml(command: Commands) -> None:
    """It is said that nothing reads two of the files, and the commands that it shows for the others work."""
    (command.home / "yaml.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    path = shell_environment(command.home, {})["PYTHONPATH"]
    command.environment["PYTHONPATH"] = f"{command.home}:{path}"
    done = command("init")
    assert "training.yaml and seed.yaml are YAML, and nothing here reads that yet: pip install pyyaml" in done.stderr
    line = next(line for line in done.stdout.splitlines() if " run " in line)
    assert command.events(*shlex.split(line)[1:])[-1]["status"] == "Complete"


def test_json(command: Commands) -> None:
    """A program reads which files there are."""
    told = command.json("init", "one/two")
    assert told["folder"] == "one/two"
    assert set(told["files"]) == FILES
