"""The command line client serves: deployments, versions of their code, services and endpoints.

Runs and triggers are in `test_cli_runs`.
"""

from __future__ import annotations

import io
import os
import tarfile
import time
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.services.endpoints.rules import Endpoints
from abeja_emulator.services.logs.pages import SERVICE_LOG, Logs
from abeja_emulator.services.models.rules import TrainingModels
from abeja_emulator.services.services.rules import Services
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.wire.content import Upload
from tests.conformance.client import PATIENCE, shows
from tests.services.training.samples import zipped

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.server import Server
    from abeja_emulator.services.deployments.records import Deployment, DeploymentVersion
    from abeja_emulator.services.services.records import Service
    from tests.conformance.client import Abeja

IMAGE = "abeja-inc/all-cpu:19.10"

#: Before it speaks of an endpoint the client sleeps; here it only notes for how long.
HURRIES = """
import os, time

def sleep(seconds):
    with open(os.environ["SLEEPS"], "a") as file:
        print(seconds, file=file)

time.sleep = sleep
"""


def model(abeja: Abeja, command: str, *arguments: str) -> Any:
    """Run a command of the group `model`, and return what it answers."""
    return abeja("model", command, *arguments).json


def deployments(server: Server) -> list[Deployment]:
    """Return the deployments of the default organization."""
    with server.platform.world.store.reading():
        return Deployments(server.platform.world).all(server.platform.organization.id)


def versions(server: Server) -> list[DeploymentVersion]:
    """Return the versions of the first deployment."""
    (deployment, *_) = deployments(server)
    with server.platform.world.store.reading():
        return Versions(server.platform.world).all(deployment)


def services(server: Server) -> list[Service]:
    """Return the services of the first deployment."""
    (deployment, *_) = deployments(server)
    with server.platform.world.store.reading():
        return Services(server.platform.world).all(deployment)


def leads(server: Server) -> dict[str, str]:
    """Return where the endpoints of the first deployment lead: alias → id of a service."""
    (deployment, *_) = deployments(server)
    with server.platform.world.store.reading():
        return {each.custom_alias: each.service_id for each in Endpoints(server.platform.world).all(deployment)}


@pytest.fixture
def made(server: Server) -> tuple[str, str]:
    """The ids of a deployment and of a version of it, which nobody made with the client."""
    world, user = server.platform.world, server.platform.user.id
    with world.store.transaction():
        deployment = Deployments(world).create(
            server.platform.organization.id, "reader", user, default_environment={"LEVEL": "1", "SIZE": "2"}
        )
        version = Versions(world).create(deployment, "0.0.1", user, image=IMAGE)
    return deployment.deployment_id, version.version_id


@pytest.fixture
def served(server: Server, made: tuple[str, str]) -> tuple[str, str, str]:
    """The ids of that deployment, and of two services of that version."""
    world, user = server.platform.world, server.platform.user.id
    code = zipped({"main.py": b"def handler(request, context):\n    return {'content': 'cat'}\n"})
    with world.store.transaction():
        (deployment,) = deployments(server)
        Versions(world).receive(*made, Upload(code, len(code)))
        first, second = (Services(world).create(deployment, made[1], user).service_id for _ in range(2))
    ready(server)
    return made[0], first, second


def ready(server: Server) -> None:
    """Wait until no service is starting any more, and check that none has failed meanwhile."""
    patience = time.monotonic() + PATIENCE
    while "IN_PROGRESS" in (found := [each.status for each in services(server)]):
        assert time.monotonic() < patience
        time.sleep(0.02)
    assert "FAILED" not in found


# -- deployments --------------------------------------------------------------------------------


def test_deployments(abeja: Abeja, server: Server) -> None:
    """They are created with all that can be said of them, described one by one and all at once, and deleted."""
    answer = model(
        abeja, "create-deployment", "--name", "reader", "--description", "読む", "--environment", "URL:http://x:1"
    )
    (record,) = deployments(server)
    shows(answer, record, "deployment_id", "name", "description", "default_environment", "created_at", "modified_at")
    assert (record.name, record.description, record.default_environment) == ("reader", "読む", {"URL": "http://x:1"})
    assert answer["creator"]["id"] == server.platform.user.id
    plain = model(abeja, "create-deployment", "--name", "plain")
    assert (plain["description"], plain["default_environment"]) == (None, {})
    assert model(abeja, "describe-deployments") == {"entries": [answer, plain]}
    assert model(abeja, "describe-deployments", "--deployment_id", record.deployment_id) == answer
    said = abeja("model", "create-deployment", "--name", "reader", code=1)
    assert "400 Bad Request" in said.error
    assert "exists already" in said.error
    where = ("--deployment_id", record.deployment_id)
    assert model(abeja, "delete-deployment", *where) == {"message": f"{record.deployment_id} deleted"}
    assert [each.name for each in deployments(server)] == ["plain"]
    assert "404 Not Found" in abeja("model", "describe-deployments", *where, code=1).error


# -- versions of the code -----------------------------------------------------------------------


def test_versions(abeja: Abeja, server: Server, made: tuple[str, str]) -> None:
    """The folder is sent as it is but for `.git`, and comes back byte for byte; a version is deleted with its code."""
    deployment, first = made
    weights = os.urandom(20_000)
    abeja.write("main.py", "def handler(request, context):\n    return {}\n")
    abeja.write("model/weights.bin", weights)
    abeja.write(".git/HEAD", "not to be sent")
    options = ("--deployment_id", deployment, "--image", "abeja-inc/all-gpu:19.10")
    answer = model(
        abeja,
        *("create-deployment-version", *options, "--version", "0.0.2"),
        *("--handler", "main:other", "--user-parameters", "EPOCHS:3"),
    )
    record = versions(server)[1]
    assert answer == {"version": "0.0.2", "version_id": record.version_id}
    assert (record.image, record.handler, record.user_parameters) == (options[3], "main:other", {"EPOCHS": "3"})
    content = server.platform.world.store.blobs.read(record.source)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert sorted(archive.getnames()) == ["main.py", "model", "model/weights.bin"]
        kept = archive.extractfile("model/weights.bin")
        assert kept is not None
        assert kept.read() == weights
    listed = model(abeja, "describe-deployment-versions", "--deployment_id", deployment)["entries"]
    assert [each["version_id"] for each in listed] == [first, record.version_id]
    where = ("--deployment_id", deployment, "--version_id", record.version_id)
    assert model(abeja, "describe-deployment-versions", *where) == listed[1]
    shows(listed[1], record, "deployment_id", "version", "handler", "image", "user_parameters", "modified_at")
    stem = f"{deployment}_{record.version_id}"
    assert abeja("model", "download-deployment-version", *where).out.endswith(f"Downloaded a file {stem}.tgz.\n")
    # It renames what it has downloaded, and does not say so.
    assert (abeja.folder / f"{stem}.tar.gz").read_bytes() == content
    size = server.platform.world.store.blobs.size
    assert model(abeja, "delete-deployment-version", *where) == {"message": f"{record.version_id} deleted"}
    assert [each.version_id for each in versions(server)] == [first]
    assert server.platform.world.store.blobs.size == size - len(content)


def test_a_version_from_git(abeja: Abeja, server: Server, made: tuple[str, str]) -> None:
    """It is known where its code is; nobody fetches it, so that there is nothing to download."""
    options = ("--deployment_id", made[0], "--image", IMAGE, "--git-url", "https://git.example.com/me/reader.git")
    command = "create-deployment-version-from-git"
    parameters = ("--git-branch", "dev", "--handler", "a:b", "--user-parameters", "N:1")
    answer = model(abeja, command, *options, "--version", "1", *parameters)
    model(abeja, command, *options, "--version", "2")
    _, first, second = versions(server)
    assert answer == {"version": "1", "version_id": first.version_id}
    assert (first.git_url, first.git_branch, first.handler) == (options[5], "dev", "a:b")
    assert first.user_parameters == {"N": "1"}
    assert (second.git_url, second.git_branch, second.source) == (options[5], "master", "")
    where = ("--deployment_id", made[0], "--version_id", first.version_id)
    said = abeja("model", "download-deployment-version", *where, code=1)
    assert "git.example.com" in said.error
    said = abeja("model", command, *options[:4], "--git-url", "git@example.com:me/reader", "--version", "3", code=1)
    assert "400 Bad Request" in said.error
    assert len(versions(server)) == 3


def test_a_new_application(abeja: Abeja, server: Server, made: tuple[str, str]) -> None:
    """What `startapp` writes is sent as code; as it is less than 8 KiB, this client cannot download it."""
    assert "successfully generated" in abeja("startapp", "--name", "reader", "--dir", "apps").out
    abeja.folder = abeja.folder / "apps" / "reader"
    where = ("--deployment_id", made[0])
    answer = model(abeja, "create-deployment-version", *where, "--version", "0.0.2", "--image", IMAGE)
    record = versions(server)[1]
    assert record.handler == "main:handler"
    assert 0 < record.source_size < 8192
    with tarfile.open(fileobj=io.BytesIO(server.platform.world.store.blobs.read(record.source))) as archive:
        assert sorted(archive.getnames()) == ["predict.py", "requirements-local.txt", "train.py"]
    abeja("model", "download-deployment-version", *where, "--version_id", answer["version_id"], code=1)
    (call,) = server.platform.calls("download_deployment_source")
    assert call.status == 200
    assert [path.stat().st_size for path in abeja.folder.glob("*.tgz")] == [0]


# -- services -----------------------------------------------------------------------------------


@pytest.fixture
def trained(server: Server) -> str:
    """The id of a training model."""
    content = zipped()
    world = server.platform.world
    with world.store.transaction():
        definition = Definitions(world).create(server.platform.organization.id, "digits")
        upload = Upload(content, len(content))
        return TrainingModels(world).create(definition, server.platform.user.id, upload).training_model_id


def test_services(abeja: Abeja, server: Server, made: tuple[str, str], trained: str) -> None:
    """They are created with all that can be said of them, described, and deleted."""
    deployment, version = made
    channel = server.platform.seed.channel("inputs")
    of_deployment = ("--deployment_id", deployment)
    said = abeja(
        "model",
        *("create-service", *of_deployment, "--version_id", version, "--model_id", trained, "--disable-autoscale"),
        *("--environment", "SIZE:3", "--instance-type", "gpu-1", "--instance-number", "2"),
        *("--min-instance-number", "2", "--max-instance-number", "5", "--record-channel-id", channel),
    )
    assert "`--min-instance-number` is ignored" in said.error
    answer = model(abeja, "describe-services", *of_deployment, "--service_id", said.json["service_id"])
    (record,) = services(server)
    fields = ("service_id", "deployment_id", "models", "instance_type", "instance_number", "min_instance_number")
    shows(answer, record, *fields, "max_instance_number", "enable_autoscale", "record_channel_id", "created_at")
    assert (record.version_id, record.models, record.record_channel_id) == (version, {"alias": trained}, channel)
    assert (record.instance_type, record.instance_number, record.enable_autoscale) == ("gpu-1", 2, False)
    assert (record.min_instance_number, record.max_instance_number) == (2, 5)
    assert answer["user_env_vars"] == record.environment == {"SIZE": "3"}
    assert answer["merged_env_vars"] == {"LEVEL": "1", "SIZE": "3"}
    plain = model(abeja, "create-service", *of_deployment, "--version_id", version)
    listed = model(abeja, "describe-services", *of_deployment)["entries"]
    assert [each["service_id"] for each in listed] == [record.service_id, plain["service_id"]]
    assert [listed[1][name] for name in ("instance_number", "max_instance_number", "enable_autoscale")] == [1, 2, True]
    deleted = model(abeja, "delete-service", *of_deployment, "--service_id", record.service_id)
    assert deleted == {"message": f"{record.service_id} deleted"}
    assert [each.service_id for each in services(server)] == [plain["service_id"]]
    said = abeja("model", "create-service", *of_deployment, "--version_id", "ver-0000000000000000", code=1)
    assert "400 Bad Request" in said.error


def test_a_service_stops_and_starts(abeja: Abeja, server: Server, served: tuple[str, str, str]) -> None:
    """And its log, oldest line first, says what became of it; of a time when one is named."""
    deployment, first, _ = served
    where = ("--deployment_id", deployment, "--service_id", first)
    model(abeja, "stop-service", *where)
    assert [each.status for each in services(server)] == ["STOPPED", "READY"]
    assert "400 Bad Request" in abeja("model", "stop-service", *where, code=1).error
    model(abeja, "start-service", *where)
    ready(server)
    events = model(abeja, "describe-service-logs", *where)["events"]
    # The model's own process says something whenever it likes.
    events = [event for event in events if not event["message"].startswith(("INFO: ", "WARNING: "))]
    assert [event["message"].split()[0] for event in events] == ["starting", "ready", "stopped", "starting", "ready"]
    assert events == sorted(events, key=lambda event: event["timestamp"])
    stop = events[2]["timestamp"]
    between = model(abeja, "describe-service-logs", *where, "--start_time", stop, "--end_time", stop)["events"]
    assert events[2] in between
    assert events[-1] not in between
    past = model(abeja, "describe-service-logs", *where, "--end_time", "2017-12-31T00:00:00Z")
    assert past == {"events": []}


def test_a_log_of_many_pages(abeja: Abeja, server: Server, served: tuple[str, str, str]) -> None:
    """The next page is where its token says."""
    deployment, first, _ = served
    world = server.platform.world
    with world.store.transaction():
        for number in range(150):
            Logs(world, SERVICE_LOG).write(first, f"line {number}")
    where = ("--deployment_id", deployment, "--service_id", first)
    page = model(abeja, "describe-service-logs", *where)
    rest = model(abeja, "describe-service-logs", *where, "--next_token", page["next_token"])
    lines = [event["message"] for event in (*page["events"], *rest["events"])]
    assert [line for line in lines if line.startswith("line")] == [f"line {number}" for number in range(150)]
    assert "next_token" not in rest


# -- endpoints ----------------------------------------------------------------------------------


def test_endpoints(abeja: Abeja, server: Server, served: tuple[str, str, str], tmp_path: Path) -> None:
    """They are created, described, led to another service and deleted; before it writes, the client sleeps."""
    (tmp_path / "hurries").mkdir()
    (tmp_path / "hurries" / "sitecustomize.py").write_text(HURRIES)
    abeja.variables.update(PYTHONPATH=str(tmp_path / "hurries"), SLEEPS=str(tmp_path / "sleeps"))
    deployment, first, second = served
    of_deployment = ("--deployment_id", deployment)
    answer = model(abeja, "create-endpoint", *of_deployment, "--service_id", first, "--custom_alias", "latest")
    assert (answer["custom_alias"], answer["service_id"]) == ("latest", first)
    assert leads(server) == {"latest": first}
    where = (*of_deployment, "--endpoint_id", answer["endpoint_id"])
    assert model(abeja, "describe-endpoints", *where) == answer
    said = model(abeja, "update-endpoint", *where, "--service_id", second)
    assert answer["endpoint_id"] in said["message"]
    assert leads(server) == {"latest": second}
    assert (tmp_path / "sleeps").read_text().split() == ["15", "15"]
    listed = model(abeja, "describe-endpoints", *of_deployment)
    assert listed == {"entries": [{**answer, "service_id": second}]}
    assert "409 Conflict" in abeja("model", "delete-service", *of_deployment, "--service_id", second, code=1).error
    assert model(abeja, "delete-endpoint", *where) == {"message": f"{answer['endpoint_id']} deleted"}
    assert leads(server) == {}
    model(abeja, "delete-service", *of_deployment, "--service_id", second)
    assert [each.service_id for each in services(server)] == [first]
