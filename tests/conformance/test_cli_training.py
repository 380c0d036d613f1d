"""The command line client trains: definitions, versions, jobs that really run, their results."""

from __future__ import annotations

import io
import json
import textwrap
import time
import zipfile
from typing import TYPE_CHECKING

import pytest
import requests

from tests.conformance.client import PATIENCE, shows

if TYPE_CHECKING:
    from abeja_emulator.server import Server
    from tests.conformance.client import Abeja, Said

IMAGE = "abeja-inc/all-cpu:19.10"

TRAINING_YAML = f"""\
name: points
handler: package.train:handler
image: {IMAGE}
environment:
  EPOCHS: 3
  SIZE: 20000
  EMPTY:
datasets:
  train: 1234567890123
ignores:
  - secret.txt
"""

HANDLER = """
import json, os

def handler(context):
    print(json.dumps([context, os.environ["EPOCHS"], os.environ["EMPTY"]]))
    print("here are", sorted(os.listdir(".")), sorted(os.listdir("package")))
    with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model.bin"), "wb") as file:
        file.write(os.urandom(int(os.environ["SIZE"])))
"""

WAITS = """
import signal, sys, threading

def handler(context):
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    print("ready", flush=True)
    threading.Event().wait()
"""


@pytest.fixture
def project(abeja: Abeja) -> Abeja:
    """The client in a folder with a `training.yaml` and its handler, and other files."""
    abeja.write("training.yaml", TRAINING_YAML)
    abeja.write("package/__init__.py", "")
    abeja.write("package/train.py", textwrap.dedent(HANDLER))
    abeja.write("secret.txt", "not to be sent")
    abeja.write(".git/HEAD", "nor this")
    return abeja


def training(abeja: Abeja, command: str, *arguments: str, code: int = 0) -> Said:
    """Run a command of the group `training`."""
    return abeja("training", command, *arguments, code=code)


def created(project: Abeja, versions: int = 1) -> None:
    """Create the definition of the project, and versions of it."""
    training(project, "create-job-definition")
    for _ in range(versions):
        training(project, "create-version")


def log_of(server: Server, job_id: str) -> list[str]:
    return [line.message for line in server.platform.look.log(job_id)]


# -- definitions --------------------------------------------------------------------------------


def test_init_and_create_a_definition(abeja: Abeja, server: Server) -> None:
    """`init` writes `training.yaml`, whose name `create-job-definition` takes; `--name` says another."""
    assert training(abeja, "init", "my-training").out == "training initialized\n"
    first = training(abeja, "create-job-definition").json
    second = training(abeja, "create-job-definition", "--name", "other").json
    records = server.platform.look.job_definitions()
    assert [record.name for record in records] == ["my-training", "other"]
    for answer, record in zip((first, second), records):
        shows(answer, record, "job_definition_id", "organization_id", "name", "archived", "created_at", "modified_at")


def test_a_name_that_is_taken(project: Abeja) -> None:
    """Is refused in words that reach the person."""
    training(project, "create-job-definition")
    said = training(project, "create-job-definition", code=1)
    assert said.out == "create job definition aborted.\n"
    assert "409 Conflict" in said.error
    assert "points" in said.error


def test_describe_job_definitions(project: Abeja, server: Server) -> None:
    """All, a part of them, and one with its versions; the archived ones only where they are asked for."""
    created(project)
    for name in ("second", "third"):
        training(project, "create-job-definition", "--name", name)
    records = server.platform.look.job_definitions()
    url = f"{server.url}/organizations/{server.platform.organization.id}/training/definitions/third/archive"
    credential = (
        server.variables()["ABEJA_PLATFORM_USER_ID"],
        server.variables()["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"],
    )
    requests.post(url, auth=credential, timeout=PATIENCE).raise_for_status()

    def listed(*arguments: str) -> tuple[list[str], int]:
        answer = training(project, "describe-job-definitions", *arguments).json
        return [entry["name"] for entry in answer["entries"]], answer["total"]

    assert listed() == (["points", "second"], 2)
    assert listed("--include-archived") == (["points", "second", "third"], 3)
    assert listed("--limit", "1", "--offset", "1") == (["second"], 2)
    answer = training(project, "describe-job-definitions", "--job-definition-name", "points").json
    shows(answer, records[0], "job_definition_id", "name")
    assert [version["job_definition_version"] for version in answer["versions"]] == [1]


# -- versions -----------------------------------------------------------------------------------


def test_create_version(project: Abeja, server: Server) -> None:
    """The folder is sent without what is ignored, and `training.yaml` with it, overlaid by options."""
    training(project, "create-job-definition")
    answer = training(
        project,
        *("create-version", "--environment", "EPOCHS:7", "--datasets", "test:1234567890124"),
        *("--description", "the first", "--exclude", "notes.txt"),
    ).json
    (entry,) = training(project, "describe-versions").json["entries"]
    assert entry == answer
    assert answer["job_definition_version"] == 1
    assert (answer["handler"], answer["image"], answer["description"]) == ("package.train:handler", IMAGE, "the first")
    # The client makes text of numbers and sends null for what has no value.
    assert answer["environment"] == {"EPOCHS": "7", "SIZE": "20000", "EMPTY": ""}
    assert answer["datasets"] == {"train": "1234567890123", "test": "1234567890124"}


def test_describe_update_and_archive_versions(project: Abeja) -> None:
    """The latest is updated unless another is named; an archived one is shown only where it is asked for."""
    created(project, versions=2)
    training(project, "update-version", "--description", "of the latest")
    training(project, "update-version", "--version", "1", "--description", "of the first")

    def listed(*arguments: str) -> list[tuple[int, str, bool]]:
        entries = training(project, "describe-versions", *arguments).json["entries"]
        return [(entry["job_definition_version"], entry["description"], entry["archived"]) for entry in entries]

    assert listed() == [(1, "of the first", False), (2, "of the latest", False)]
    training(project, "archive-version", "--version-id", "1")
    assert listed() == [(2, "of the latest", False)]
    assert listed("--include-archived") == [(1, "of the first", True), (2, "of the latest", False)]
    training(project, "unarchive-version", "--version-id", "1")
    assert listed() == [(1, "of the first", False), (2, "of the latest", False)]


def test_a_job_without_a_version(project: Abeja, server: Server) -> None:
    """There is none to take, and no job is made."""
    training(project, "create-job-definition")
    assert "no available training versions" in training(project, "create-job", code=1).out
    assert server.platform.look.jobs() == []


# -- jobs ---------------------------------------------------------------------------------------


def test_a_job_runs(project: Abeja, server: Server) -> None:
    """From the folder to the result: what the handler sees, prints and leaves."""
    created(project)
    answer = training(
        project,
        *("create-job", "--environment", "EPOCHS:9", "--instance-type", "cpu-2", "--description", "mine"),
        "--export-log",
    ).json
    job_id = answer["training_job_id"]
    job = server.executor.wait(job_id, PATIENCE)
    assert (job.status, job.status_message) == ("Complete", None)
    record = server.platform.look.job(job_id)
    (shown,) = training(project, "describe-jobs").json["entries"]
    fields = (
        *("training_job_id", "job_definition_id", "job_definition_version", "status", "instance_type", "environment"),
        *("datasets", "description", "start_time", "completion_time", "archived", "exec_env", "created_at"),
    )
    shows(shown, record, *fields)
    assert (shown["instance_type"], shown["description"]) == ("cpu-2", "mine")
    assert shown["creator"]["id"] == server.platform.user.id
    log = log_of(server, job_id)
    assert json.dumps([{"datasets": {"train": "1234567890123"}}, "9", ""]) in log
    assert any(
        line.startswith("here are ['package', 'training.yaml'] ['__init__.py'") and "'train.py'" in line for line in log
    )
    assert set(job.artifacts) == {"model.bin", ".abeja_train.log"}


@pytest.mark.parametrize(
    ("image", "handler", "said"),
    [
        ("abeja-inc/all-cpu:18.10", "main:handler", ["Context", "5"]),
        ("abeja-inc/all-cpu:19.10", "main:handler", ["dict", "5"]),
        ("abeja-inc/all-cpu:20.02a", "script", ["script", "5"]),
    ],
)
def test_without_training_yaml(abeja: Abeja, server: Server, image: str, handler: str, said: list[str]) -> None:
    """Options say it all; each generation of images is called in its own way."""
    abeja.write("main.py", "import os\ndef handler(context):\n print(type(context).__name__, os.environ['EPOCHS'])\n")
    abeja.write("script.py", "import os\nprint('script', os.environ['EPOCHS'])\n")
    training(abeja, "create-job-definition", "--name", "mine")
    named = ("--job-definition-name", "mine")
    training(abeja, "create-version", *named, "--handler", handler, "--image", image)
    answer = training(abeja, "create-job", *named, "--version", "1", "--params", "EPOCHS:5").json
    job = server.executor.wait(answer["training_job_id"], PATIENCE)
    assert job.status == "Complete", job.log
    assert " ".join(said) in log_of(server, job.id)


def test_describe_jobs(project: Abeja, server: Server) -> None:
    """Newest first, a part of them, and the archived ones only where they are asked for."""
    server.executor.mode = "held"
    created(project)
    ids = [training(project, "create-job").json["training_job_id"] for _ in range(3)]

    def listed(*arguments: str) -> tuple[list[int], int]:
        answer = training(project, "describe-jobs", *arguments).json
        return [ids.index(entry["training_job_id"]) for entry in answer["entries"]], answer["total"]

    assert listed() == ([2, 1, 0], 3)
    assert listed("--limit", "1", "--offset", "1") == ([1], 3)
    training(project, "archive-job", "--job-id", ids[1])
    assert server.platform.look.job(ids[1]).archived
    assert listed() == ([2, 0], 2)
    assert listed("--include-archived") == ([2, 1, 0], 3)
    training(project, "unarchive-job", "--job-id", ids[1])
    assert not server.platform.look.job(ids[1]).archived
    assert listed() == ([2, 1, 0], 3)


@pytest.mark.parametrize("status", ["Pending", "Active"])
def test_stop_job(project: Abeja, server: Server, status: str) -> None:
    """A job that waits and one that runs is Stopped; a second time it is refused."""
    project.write("package/train.py", textwrap.dedent(WAITS))
    created(project)
    if status == "Pending":
        server.executor.mode = "held"
    job_id = training(project, "create-job").json["training_job_id"]
    if status == "Active":
        while "ready" not in log_of(server, job_id):
            assert server.platform.look.job(job_id).status in {"Pending", "Active"}, log_of(server, job_id)
            time.sleep(0.01)
    training(project, "stop-job", "--job-id", job_id)
    assert server.platform.look.job(job_id).status == "Stopped"
    assert server.executor.wait(job_id, PATIENCE).status == "Stopped"
    assert server.executor.running() == []
    said = training(project, "stop-job", "--job-id", job_id, code=1)
    assert said.out == "stop training job aborted.\n"
    assert "409" in said.error


def test_a_job_that_fails(project: Abeja, server: Server) -> None:
    """Its status and the reason are in the list."""
    project.write("package/train.py", "def handler(context):\n    raise ValueError('no such luck')\n")
    created(project)
    job_id = training(project, "create-job").json["training_job_id"]
    server.executor.wait(job_id, PATIENCE)
    (shown,) = training(project, "describe-jobs").json["entries"]
    assert (shown["status"], "no such luck" in shown["status_message"]) == ("Failed", True)
    assert any("no such luck" in line for line in log_of(server, job_id))


def test_download_training_result(project: Abeja, server: Server) -> None:
    """The file is the result of the job, named after definition, job and what the URL says."""
    created(project)
    job_id = training(project, "create-job").json["training_job_id"]
    server.executor.wait(job_id, PATIENCE)
    definition = server.platform.look.job_definitions()[0].job_definition_id
    said = training(project, "download-training-result", "--job-definisin-id", definition, "--job-id", job_id)
    name = said.out.splitlines()[-1].removeprefix("Downloaded a file ").removesuffix(".")
    assert name.startswith(f"{definition}_{job_id}_")
    content = (project.folder / name).read_bytes()
    assert content == server.platform.look.result(job_id)
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == ["model.bin"]


def test_a_result_of_less_than_8_kib(project: Abeja, server: Server) -> None:
    """Is what this client cannot download: it formats its progress wrongly, and leaves an empty file."""
    created(project)
    job_id = training(project, "create-job", "--environment", "SIZE:1").json["training_job_id"]
    server.executor.wait(job_id, PATIENCE)
    assert len(server.platform.look.result(job_id)) < 8192
    definition = server.platform.look.job_definitions()[0].job_definition_id
    training(project, "download-training-result", "--job-definisin-id", definition, "--job-id", job_id, code=1)
    (call,) = server.platform.calls("get_training_result")
    assert call.status == 200
    assert [path.stat().st_size for path in project.folder.glob(f"{definition}_*")] == [0]
