"""Every generation of the SDK since 1.0.2 trains the sample handler in a child, and all come to the same."""

from __future__ import annotations

import io
import json
import subprocess
import textwrap
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

import pytest

from abeja_emulator.emulation import Emulation
from abeja_emulator.platform import Platform
from abeja_emulator.runtime.handlers import Handler
from abeja_emulator.runtime.interpreters import Interpreters
from abeja_emulator.seeding import samples_folder
from abeja_emulator.server import Server
from tests.conformance.client import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.runtime.job import TrainedJob

#: Environments, each with the SDK and the Python that it is for.
SDKS = {
    "sdk102": "1.0.2",
    "sdk131": "1.3.1",
    "sdk200": "2.0.0",
    "sdk212": "2.1.2",
    "sdk224": "2.2.4",
    "sdk236": "2.3.6",
    "py36": "2.1.2",
    "py37": "2.2.4",
}

FOLDER = samples_folder() / "handlers" / "plain"

#: The sample handler, behind a word about who runs it.
MAIN = """
import pkgutil, sys
import abeja.version

print("here:", sys.prefix, abeja.version.VERSION, pkgutil.find_loader("abeja_emulator"))

from train import handler
"""

#: Makes definition, version and job with the SDK it runs on, waits for the end, and gets the result.
TRAINS = """
import json, os, sys, time
from abeja.train import APIClient, Client as TrainClient

source, dataset = sys.argv[1:]
organization = os.environ["ABEJA_ORGANIZATION_ID"]
client = APIClient()
client.create_training_job_definition(organization, "points")
client.create_training_job_definition_version(
    organization, "points", filepaths=[os.path.join(source, "train.py"), "main.py"],
    handler="main:handler", image="abeja-inc/all-cpu:19.10", environment={"NUM_EPOCHS": "5"},
)
job = client.create_training_job(organization, "points", 1, datasets={"train": dataset})
while True:
    shown = client.get_training_job(organization, "points", job["training_job_id"])
    if shown["status"] not in ("Pending", "Active"):
        break
    time.sleep(0.05)
TrainClient(organization, "points").download_training_result(job["training_job_id"], "result")
print(json.dumps({
    "id": shown["training_job_id"],
    "status": shown["status"],
    "statistics": shown["statistics"],
    "files": sorted(os.listdir("result")),
}))
"""


@dataclass(frozen=True)
class Trained:
    """What a training has come to.

    Attributes:
        statistics: all that were posted, in order.
        model: what was learned.
        files: names of the artifact files.
    """

    statistics: list[dict[str, Any]]
    model: dict[str, Any]
    files: list[str]


def trained(job: TrainedJob) -> Trained:
    """Return what a job has come to."""
    assert job.status == "Complete", job.log
    model = json.loads((job.result_dir / "model.json").read_text(encoding="utf-8"))
    return Trained(list(job.statistics), model, sorted(job.artifacts))


def same(first: Trained, second: Trained) -> None:
    """Check that both are the same; NumPy's exponential differs in its last bit from release to release."""
    assert first.files == second.files
    assert first.model["labels"] == second.model["labels"]
    for name in ("weights", "bias"):
        assert flat(first.model[name]) == pytest.approx(flat(second.model[name]), rel=1e-9)
    assert [shape(each) for each in first.statistics] == [shape(each) for each in second.statistics]
    for one, other in zip(first.statistics, second.statistics):
        assert flat(one) == pytest.approx(flat(other), rel=1e-9)


def flat(value: Any) -> list[float]:
    """Return the numbers in a value, in the order of their places."""
    if isinstance(value, dict):
        return [number for key in sorted(value) for number in flat(value[key])]
    if isinstance(value, list):
        return [number for each in value for number in flat(each)]
    return [float(value)]


def shape(value: Any) -> Any:
    """Return the names in a value."""
    return {key: shape(each) for key, each in value.items()} if isinstance(value, dict) else None


@pytest.fixture(scope="module")
def in_process(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """What the same handler comes to in this process, with the SDK of this environment."""
    with Platform() as platform, Emulation(platform, tmp_path_factory.mktemp("here")) as emulation:
        dataset = platform.seed.dataset(samples_folder() / "points")
        handler = Handler("train:handler", FOLDER)
        return trained(emulation.trainer.train(handler, datasets={"train": dataset}, environment={"NUM_EPOCHS": 5}))


@pytest.mark.parametrize("name", SDKS)
def test_the_sample_handler_trains(
    name: str, client_python: Callable[[str], Path], in_process: Trained, tmp_path: Path
) -> None:
    """Made, run, watched and fetched by that SDK alone: client and job both run in its interpreter."""
    python = client_python(name)
    interpreters = Interpreters(default=python)
    with Platform(auth="strict") as platform, Server(platform, interpreters=interpreters) as server:
        dataset = platform.seed.dataset(samples_folder() / "points")
        (tmp_path / "main.py").write_text(MAIN)
        done = subprocess.run(
            [str(python), "-c", textwrap.dedent(TRAINS), str(FOLDER), dataset],
            cwd=tmp_path,
            env={**server.variables(), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout.splitlines()[-1])
        job = server.executor.wait(said["id"], PATIENCE)
        found = trained(job)
        result = platform.look.result(said["id"])
        (introduced,) = [line for line in job.log.splitlines() if line.startswith("here: ")]
    # With that SDK, in that environment, where this package is not.
    assert introduced == f"here: {python.parents[1]} {SDKS[name]} None"
    same(found, in_process)
    assert said["status"] == "Complete"
    assert said["statistics"] == found.statistics[-1]
    assert said["files"] == found.files == sorted(zipfile.ZipFile(io.BytesIO(result)).namelist())
