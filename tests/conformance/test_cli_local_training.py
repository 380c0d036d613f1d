"""The command line client trains on its user's own machine, and the platform hears of it; only Docker is not real."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.services.training.jobs import Jobs

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.server import Server
    from abeja_emulator.services.training.records import TrainingJob
    from abeja_emulator.wire.journal import Entry
    from tests.conformance.client import Abeja

#: Stands in for the package `docker`: a container is a process of this machine, whose program the variable `PROGRAM` of
#: the client says, and whose folder for results is that of the host.
DOCKER = """
import os, subprocess, sys, types

class Image:
    id = "sha256:0"

class Container:
    id = "0"

    def __init__(self, image, environment, volumes, **options):
        variables = dict(each.split("=", 1) for each in environment)
        (folder,) = [host for host, guest in volumes.items() if guest["bind"] == "/output"]
        assert variables["ABEJA_TRAINING_RESULT_DIR"] == "/output"
        variables["ABEJA_TRAINING_RESULT_DIR"] = folder
        command = [sys.executable, "-c", os.environ["PROGRAM"]]
        self._process = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    @property
    def status(self):
        return "running" if self._process.poll() is None else "exited"

    @property
    def attrs(self):
        return {"State": {"ExitCode": self._process.wait()}}

    def logs(self, stream):
        with self._process.stdout as lines:
            yield from lines
        self._process.wait()

    def stop(self):
        self._process.terminate()

    def remove(self):
        pass

class Client:
    def version(self):
        return {"Version": "0"}

    @property
    def images(self):
        return types.SimpleNamespace(pull=lambda name: Image())

    @property
    def containers(self):
        return self

    def run(self, **options):
        self._container = Container(**options)
        return self._container

    def get(self, id):
        return self._container

class APIClient:
    def __init__(self, base_url):
        pass

    def pull(self, name, stream, decode):
        yield {"status": "pulled " + name}

class NotFound(Exception):
    pass

class APIError(Exception):
    pass

from_env = Client
errors = sys.modules["docker.errors"] = types.SimpleNamespace(NotFound=NotFound, APIError=APIError)
sys.modules["docker.models"] = types.ModuleType("docker.models")
sys.modules["docker.models.images"] = types.SimpleNamespace(Image=Image)
sys.modules["docker.models.containers"] = types.SimpleNamespace(Container=Container)
"""

#: What runs in the container; it ends with the code that a variable says.
TRAINS = """
import json, os, sys

print(os.environ["TRAINING_JOB_DEFINITION_NAME"], os.environ["TRAINING_JOB_ID"], json.loads(os.environ["DATASETS"]))
print("学習", os.environ["EPOCHS"], os.environ["SIZE"])
with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model.bin"), "wb") as file:
    file.write(os.urandom(int(os.environ["SIZE"])))
sys.exit(int(os.environ["CODE"]))
"""

WAITS = "import threading; threading.Event().wait()"

VERSION = """\
name: points
handler: train:handler
image: abeja-inc/all-cpu:19.10
environment:
  EPOCHS: 3
  SIZE: 1
datasets:
  train: "1234567890123"
"""


@pytest.fixture
def abeja(abeja: Abeja, tmp_path: Path) -> Abeja:
    """The client with that in the place of Docker, in a folder with a definition of which there is one version."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "docker.py").write_text(DOCKER)
    abeja.variables.update(PYTHONPATH=str(tmp_path / "packages"), POLLING_INTERVAL="1")
    abeja.write("training.yaml", VERSION)
    abeja.write("train.py", "")
    abeja("training", "create-job-definition")
    abeja("training", "create-version")
    return abeja


def only_job(server: Server) -> TrainingJob:
    """Return the one job there is."""
    (job,) = server.platform.look.jobs()
    return job


def log_of(server: Server, job: TrainingJob) -> list[str]:
    """Return the lines of a job's log."""
    return [line.message for line in server.platform.look.log(job.training_job_id)]


@pytest.mark.parametrize(("code", "status"), [(0, "Complete"), (3, "Failed")])
def test_a_local_job(abeja: Abeja, server: Server, code: int, status: str) -> None:
    """It runs nowhere else; status, times, log and result come from the client, and the result can be downloaded."""
    abeja.variables["PROGRAM"] = TRAINS
    options = ("--environment", "SIZE:20000", "--environment", f"CODE:{code}", "--description", "ここで")
    said = abeja("training", "train-local", "--name", "points", "--version", "1", *options)
    job = only_job(server)
    lines = [f"points {job.training_job_id} {{'train': '1234567890123'}}", "学習 3 20000"]
    assert log_of(server, job) == lines
    assert "\n".join(lines) in said.out
    assert (job.exec_env, job.status, job.description) == ("local", status, "ここで")
    assert job.environment == {"EPOCHS": "3", "SIZE": "20000", "CODE": str(code)}
    assert job.start_time
    assert job.completion_time
    assert server.executor.running() == []
    content = server.platform.look.result(job.training_job_id)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [f"{job.training_job_id}/model.bin"]
        assert len(archive.read(archive.namelist()[0])) == 20000
    where = ("--job-definisin-id", job.job_definition_id, "--job-id", job.training_job_id)
    abeja("training", "download-training-result", *where)
    (path,) = abeja.folder.glob(f"{job.job_definition_id}_*")
    assert path.read_bytes() == content


def test_a_local_job_that_is_stopped(abeja: Abeja, server: Server) -> None:
    """The client sees it, stops what runs here and cleans up; what it says of the end leaves the job stopped."""
    world = server.platform.world

    def stop(entry: Entry) -> None:
        """Stop it as soon as it is Active, as its user could on another machine."""
        job = only_job(server) if entry.operation == "update_training_job_status" else None
        if job is not None and job.status == "Active":
            with world.store.transaction():
                Jobs(world).move(job, "Stopped")

    abeja.variables["PROGRAM"] = WAITS
    with server.platform.journal.told(stop):
        said = abeja("training", "train-local", "--name", "points", "--version", "1")
    assert only_job(server).status == "Stopped"
    assert "because remote status is stopped" in said.out
    assert "start cleaning..." in said.out
    assert server.platform.calls("create_training_result") == []
