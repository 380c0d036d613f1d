"""The command line client, runs and triggers: submitted, described, fired by what the client uploads, and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.services.logs.pages import RUN_LOG, Logs
from abeja_emulator.services.models.rules import TrainingModels
from abeja_emulator.services.runs.rules import Runs
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.wire.content import Upload
from tests.conformance.client import PATIENCE, shows
from tests.services.training.samples import zipped

if TYPE_CHECKING:
    from abeja_emulator.server import Server
    from tests.conformance.client import Abeja

RUN_FIELDS = ("run_id", "deployment_id", "models", "model_version", "model_version_id", "input_data")

FILE = "1230000000001/20240102T030405-6f1c2b3a-1111-4222-8333-444455556666"

#: Says what it was asked, by a variable, and how many files its model has.
MODEL = """
import os

def handler(request, context):
    asked = request.read().decode()
    print("the model was asked for", asked)
    folder = os.environ["ABEJA_TRAINING_RESULT_DIR"]
    files = len(os.listdir(folder)) if os.path.isdir(folder) else 0
    text = "{} {} with {} files".format(os.environ["PREFIX"], asked, files)
    return {"content": text, "content_type": "text/plain"}
"""


def model(abeja: Abeja, command: str, *arguments: str) -> Any:
    """Run a command of the group `model`, and return what it answers."""
    return abeja("model", command, *arguments).json


@pytest.fixture
def trained(server: Server) -> str:
    """Id of a training model."""
    world, content = server.platform.world, zipped()
    with world.store.transaction():
        definition = Definitions(world).create(server.platform.organization.id, "digits")
        upload = Upload(content, len(content), "application/zip")
        return TrainingModels(world).create(definition, server.platform.user.id, upload).training_model_id


@pytest.fixture
def version(server: Server) -> tuple[str, ...]:
    """Options that name a deployment and a version of it; runs stay as they were submitted."""
    server.hosts.mode = "held"
    world, user = server.platform.world, server.platform.user.id
    with world.store.transaction():
        deployment = Deployments(world).create(server.platform.organization.id, "reader", user)
        made = Versions(world).create(deployment, "0.0.1", user, image="abeja-inc/all-cpu:19.10")
    return ("--deployment_id", deployment.deployment_id, "--version_id", made.version_id)


def test_runs(abeja: Abeja, server: Server, version: tuple[str, ...], trained: str) -> None:
    """They are submitted with all that can be said of them, and described one by one and all at once."""
    made = model(
        abeja,
        "submit-run",
        *(*version, "--input_operator", "$datalake:1", "--input_target", FILE),
        *("--output_operator", "$datalake:1", "--output_target", "1230000000002"),
        *("--retry_count", "0", "--environment", "DEBUG:x", "--model_id", trained),
    )
    with server.platform.world.store.reading():
        record = Runs(server.platform.world).get(version[1], made["run_id"])
    shows(made, record, *RUN_FIELDS, "output_template", "retry_count", "status", "created_at", "modified_at")
    assert (record.input_data, record.output_template) == ({"$datalake:1": FILE}, {"$datalake:1": "1230000000002"})
    assert (record.retry_count, record.user_env_vars) == (0, {"DEBUG": "x"})
    assert record.models == {"alias": trained}
    plain = model(abeja, "submit-run", *version, "--input_operator", "text", "--input_target", "犬")
    assert (plain["input_data"], plain["retry_count"], plain["models"]) == ({"text": "犬"}, 5, {})
    assert model(abeja, "describe-runs", *version[:2])["entries"] == [plain, made]
    assert model(abeja, "describe-runs", *version[:2], "--run_id", made["run_id"]) == made
    abeja("model", "submit-run", *version, *("--input_operator", "$datalake:1", "--input_target", "x"), code=1)
    abeja("model", "describe-runs", *version[:2], "--run_id", "run-0000000000000000", code=1)


def test_logs(abeja: Abeja, server: Server, version: tuple[str, ...]) -> None:
    """Lines are described oldest first, of a time when one is named."""
    made = model(abeja, "submit-run", *version, "--input_operator", "text", "--input_target", "x")
    world = server.platform.world
    with world.store.transaction():
        Logs(world, RUN_LOG).write(made["run_id"], "one")
        Logs(world, RUN_LOG).write(made["run_id"], "two")
    where = (*version[:2], "--run_id", made["run_id"])
    page = model(abeja, "describe-run-logs", *where)
    assert [event["message"] for event in page["events"]] == ["one", "two"]
    second = page["events"][1]["timestamp"]
    later = model(abeja, "describe-run-logs", *where, "--start_time", second, "--end_time", second)
    assert "two" in [event["message"] for event in later["events"]]
    past = model(abeja, "describe-run-logs", *where, "--end_time", "2017-12-31T00:00:00Z")
    assert past == {"events": []}


def test_triggers(abeja: Abeja, server: Server, version: tuple[str, ...], trained: str) -> None:
    """They are created and described, fire when the client uploads, and are deleted."""
    channel, output = server.platform.seed.channel("in"), server.platform.seed.channel("out")
    made = model(
        abeja,
        "create-trigger",
        *(*version, "--input_service_name", "datalake", "--input_service_id", channel),
        *("--output_service_name", "datalake", "--output_service_id", output),
        *("--retry_count", "2", "--environment", "DEBUG:x", "--model_id", trained),
    )
    assert (made["input_service_id"], made["output_service_id"], made["retry_count"]) == (channel, output, 2)
    assert (made["user_env_vars"], made["models"]) == ({"DEBUG": "x"}, {"alias": trained})
    assert model(abeja, "describe-triggers", *version[:2]) == {"entries": [made]}
    where = (*version[:2], "--trigger_id", made["trigger_id"])
    assert model(abeja, "describe-triggers", *where) == made
    path = str(abeja.write("cat.txt", "猫"))
    upload = ("datalake", "upload", "--channel-id", channel, "--retry", "no", path)
    abeja(*upload)
    (run,) = model(abeja, "describe-runs", *version[:2])["entries"]
    (file,) = server.platform.look.files(channel)
    assert run["input_data"] == {"$datalake:1": f"{channel}/{file.file_id}"}
    assert (run["output_template"], run["retry_count"]) == ({"$datalake:1": output}, 2)
    assert model(abeja, "delete-trigger", *where) == {"message": f"{made['trigger_id']} deleted"}
    abeja(*upload)
    assert model(abeja, "describe-runs", *version[:2])["entries"] == [run]
    abeja("model", "describe-triggers", *where, code=1)


def test_a_trigger_of_nothing(abeja: Abeja, version: tuple[str, ...]) -> None:
    """A channel that is not there is an error, and no trigger."""
    arguments = ("--input_service_name", "datalake", "--input_service_id", "1999999999999")
    said = abeja("model", "create-trigger", *version, *arguments, code=1)
    assert "404 Not Found" in said.error
    assert model(abeja, "describe-triggers", *version[:2]) == {"entries": []}


# -- run by a model -----------------------------------------------------------------------------


@pytest.fixture
def coded(server: Server) -> tuple[str, ...]:
    """Options that name a deployment and a version of it that has code."""
    world, user, code = server.platform.world, server.platform.user.id, zipped({"main.py": MODEL.encode()})
    with world.store.transaction():
        deployment = Deployments(world).create(server.platform.organization.id, "reader", user)
        made = Versions(world).create(deployment, "0.0.1", user, image="abeja-inc/all-cpu:19.10")
        Versions(world).receive(deployment.deployment_id, made.version_id, Upload(code, len(code)))
    return ("--deployment_id", deployment.deployment_id, "--version_id", made.version_id)


def downloaded(abeja: Abeja, channel: str) -> list[bytes]:
    """Return the files of a channel as the client downloads them."""
    abeja("datalake", "download", "--channel-id", channel, "--output-path", channel)
    return sorted(path.read_bytes() for path in (abeja.folder / channel).iterdir())


def uploaded(abeja: Abeja, channel: str, name: str, text: str) -> None:
    """Upload a file with the client."""
    abeja("datalake", "upload", "--channel-id", channel, "--retry", "no", str(abeja.write(name, text)))


def test_a_run_runs(abeja: Abeja, server: Server, coded: tuple[str, ...], trained: str) -> None:
    """From a file that the client uploads to the model's answer that it downloads; the log has what was printed."""
    channel, output = server.platform.seed.channel("in"), server.platform.seed.channel("out")
    uploaded(abeja, channel, "cat.txt", "猫")
    (file,) = server.platform.look.files(channel)
    made = model(
        abeja,
        "submit-run",
        *(*coded, "--input_operator", "$datalake:1", "--input_target", f"{channel}/{file.file_id}"),
        *("--output_operator", "$datalake:1", "--output_target", output),
        *("--environment", "PREFIX:read", "--model_id", trained),
    )
    server.runs.wait(made["run_id"], PATIENCE)
    where = (*coded[:2], "--run_id", made["run_id"])
    assert model(abeja, "describe-runs", *where)["status"] == "SUCCEEDED"
    assert "the model was asked for 猫" in messages(abeja, *where)
    assert downloaded(abeja, output) == ["read 猫 with 2 files".encode()]


def test_a_run_of_json(abeja: Abeja, server: Server, coded: tuple[str, ...]) -> None:
    """What the client names is the body."""
    options = ("--input_operator", "text", "--input_target", "犬", "--environment", "PREFIX:x")
    made = model(abeja, "submit-run", *coded, *options)
    assert server.runs.wait(made["run_id"], PATIENCE).status == "SUCCEEDED"
    assert 'the model was asked for {"text":"犬"}' in messages(abeja, *coded[:2], "--run_id", made["run_id"])


def test_a_run_that_fails(abeja: Abeja, server: Server, coded: tuple[str, ...]) -> None:
    """It is tried as often as the client says, and the log says why it failed."""
    options = ("--input_operator", "text", "--input_target", "x", "--retry_count", "1")
    made = model(abeja, "submit-run", *coded, *options)
    server.runs.wait(made["run_id"], PATIENCE)
    where = (*coded[:2], "--run_id", made["run_id"])
    assert model(abeja, "describe-runs", *where)["status"] == "FAILED"
    lines = messages(abeja, *where)
    assert len([line for line in lines if line.startswith("the model was asked")]) == 2
    assert any("KeyError: 'PREFIX'" in line for line in lines)


def test_a_trigger_fires(abeja: Abeja, server: Server, coded: tuple[str, ...]) -> None:
    """Each file that the client uploads is answered into the channel that the trigger names."""
    channel, output = server.platform.seed.channel("in"), server.platform.seed.channel("out")
    model(
        abeja,
        "create-trigger",
        *(*coded, "--input_service_name", "datalake", "--input_service_id", channel),
        *("--output_service_name", "datalake", "--output_service_id", output, "--environment", "PREFIX:saw"),
    )
    for name, text in (("cat.txt", "猫"), ("dog.txt", "犬")):
        uploaded(abeja, channel, name, text)
    runs = model(abeja, "describe-runs", *coded[:2])["entries"]
    for run in runs:
        assert server.runs.wait(run["run_id"], PATIENCE).status == "SUCCEEDED"
    assert downloaded(abeja, output) == sorted(f"saw {text} with 0 files".encode() for text in "猫犬")


def messages(abeja: Abeja, *where: str) -> list[str]:
    """Return the lines of a run's log."""
    return [event["message"] for event in abeja("model", "describe-run-logs", *where).json["events"]]
