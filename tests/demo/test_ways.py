"""The demo's handler comes to the same, whichever way it is trained: by a test, the SDK, or either command."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

keras = pytest.importorskip("keras", reason="the demo needs the extra 'keras'")

import numpy as np  # noqa: E402 - below the line that asks for Keras
from abeja.training.api.client import APIClient  # noqa: E402

from abeja_emulator.platform import Platform  # noqa: E402
from abeja_emulator.server import Server  # noqa: E402
from tests.demo.test_keras import FIXTURES, HANDLERS, held_back  # noqa: E402
from tests.programs import load_program  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.runtime.executor import Executor
    from abeja_emulator.runtime.job import TrainedJob

EPOCHS = 3
IMAGE = "abeja-inc/all-cpu:19.10"
PATIENCE = 240

# Keras 3.15 with NumPy 2 warns of itself.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


class Trained(NamedTuple):
    """What a training leaves behind."""

    statistics: list[dict[str, Any]]
    files: list[str]
    predictions: Any


def trained(statistics: list[dict[str, Any]], files: list[str], model: Path) -> Trained:
    """Return what there is to compare; names of event files say when and where they were written."""
    pictures, _ = held_back()
    predictions = keras.models.load_model(model, compile=False).predict(pictures, verbose=0)
    return Trained(statistics, sorted(re.sub(r"tfevents\..*", "tfevents", name) for name in files), predictions)


def archive() -> io.BytesIO:
    """Return the handler's folder as a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for path in sorted(HANDLERS.glob("*.py")):
            file.write(path, path.name)
    buffer.seek(0)
    return buffer


def of_job(job: TrainedJob) -> Trained:
    """Return what a job has left."""
    assert job.status == "Complete", job.log
    return trained(list(job.statistics), list(job.artifacts), job.result_dir / "model.h5")


@pytest.fixture
def by_a_test(abeja_dataset: Callable[..., str], abeja_train: Callable[..., TrainedJob]) -> Trained:
    """In the process of the test."""
    datasets = {"train": abeja_dataset(FIXTURES / "shapes")}
    return of_job(abeja_train(HANDLERS / "train.py", datasets=datasets, environment={"NUM_EPOCHS": EPOCHS}))


def same(one: Trained, other: Trained) -> None:
    """Check that two trainings came to the same."""
    assert [each["epoch"] for each in other.statistics] == list(range(1, EPOCHS + 1))
    assert one.files == other.files
    for ours, theirs in zip(one.statistics, other.statistics):
        assert ours["stages"].keys() == theirs["stages"].keys()
        for name, stage in ours["stages"].items():
            assert stage == pytest.approx(theirs["stages"][name], abs=1e-4)
    np.testing.assert_allclose(one.predictions, other.predictions, atol=1e-3)


def test_by_the_sdk(
    by_a_test: Trained, abeja: Platform, abeja_dataset: Callable[..., str], abeja_jobs: Executor
) -> None:
    """`POST …/jobs`: in a child process."""
    client, organization = APIClient(), abeja.organization.id
    client.create_training_job_definition(organization, "demo")
    client.create_training_job_definition_version_native_api(
        organization, "demo", archive(), {"handler": "train:handler", "image": IMAGE}
    )
    made = client.create_training_job(
        organization,
        "demo",
        1,
        environment={"NUM_EPOCHS": str(EPOCHS)},
        datasets={"train": abeja_dataset(FIXTURES / "shapes")},
    )
    same(by_a_test, of_job(abeja_jobs.wait(made["training_job_id"], PATIENCE)))


def test_by_abeja_emulator_run(by_a_test: Trained, tmp_path: Path) -> None:
    """Our own command, in a folder of its own."""
    command = [sys.executable, "-m", "abeja_emulator", "run", "train:handler", "--source", str(HANDLERS), "--json"]
    command += ["--dataset", f"train={FIXTURES / 'shapes'}", "--env", f"NUM_EPOCHS={EPOCHS}", "--keep", "kept"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    statistics = json.loads((tmp_path / "kept" / "statistics.json").read_text(encoding="utf-8"))
    same(by_a_test, trained(statistics, list(result["artifacts"]), tmp_path / "kept" / "result" / "model.h5"))


@pytest.fixture
def cli() -> list[str]:
    """The platform's own command, in its environment."""
    clients = load_program("make_clients")
    if not clients.is_made("cli"):
        pytest.skip("the environment of the platform's command is not there; `make clients` makes it")
    return [str(Path(clients.python_of("cli")).with_name("abeja"))]


def test_by_abeja_training_create_job(cli: list[str], by_a_test: Trained, tmp_path: Path) -> None:
    """The platform's own command, against a server."""
    with Platform(auth="strict") as platform, Server(platform) as server:
        dataset = platform.seed.dataset(FIXTURES / "shapes")
        environment = {**os.environ, **server.variables(), "HOME": str(tmp_path)}
        for name in [name for name in environment if name.startswith(("ABEJA_EMULATOR", "PYTHON"))]:
            del environment[name]

        def abeja(*arguments: str) -> None:
            done = subprocess.run(
                [*cli, "training", *arguments],
                cwd=HANDLERS,
                env=environment,
                check=False,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr

        # The rest is in the handler's own training.yaml.
        abeja("create-job-definition")
        abeja("create-version")
        abeja("create-job", "--environment", f"NUM_EPOCHS:{EPOCHS}", "--datasets", f"train:{dataset}")
        (job,) = platform.look.jobs()
        same(by_a_test, of_job(server.executor.wait(job.training_job_id, PATIENCE)))
