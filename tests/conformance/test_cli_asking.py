"""The command line client asks a model that it has deployed itself, and prints what that answers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.services.models.rules import TrainingModels
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.wire.content import Upload
from tests.conformance.client import PATIENCE
from tests.conformance.test_cli_model import HURRIES
from tests.services.training.samples import zipped

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.server import Server
    from tests.conformance.client import Abeja

#: Answers by its variable and by the model it was given; of an image its size.
MODEL = """
import hashlib, json, os

with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "words.txt")) as file:
    words = file.read().split()

def handler(request, context):
    body, kind = request.read(), request["content_type"]
    print("asked with", kind, hashlib.sha256(body).hexdigest())
    if kind.startswith("image/"):
        return {"content": {"size": len(body)}, "content_type": "application/json"}
    asked = json.loads(body.decode())
    if "text" in asked:
        return {"content": asked["text"], "content_type": "text/plain; charset=utf-8"}
    if "plain" in asked:
        return {"content": asked["plain"], "content_type": "text/plain"}
    if "status" in asked:
        return {"status_code": int(asked["status"]), "content": "no such cat", "content_type": "text/plain"}
    answer = {"asked": asked, "variable": os.environ["WORD"], "words": words, "method": request["http_method"]}
    return {"content": answer, "content_type": "application/json"}
"""

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100


def model(abeja: Abeja, command: str, *arguments: str) -> Any:
    """Run a command of the group `model`, and return what it answers."""
    return abeja("model", command, *arguments).json


@pytest.fixture
def abeja(abeja: Abeja, server: Server, tmp_path: Path) -> Abeja:
    """The client, with the server as its proxy, so that it reaches the organization's host; it does not sleep."""
    (tmp_path / "hurries").mkdir()
    (tmp_path / "hurries" / "sitecustomize.py").write_text(HURRIES)
    abeja.variables.update(PYTHONPATH=str(tmp_path / "hurries"), SLEEPS=str(tmp_path / "sleeps"))
    abeja.variables.update(ABEJA_API_URL="http://api.abeja.io", http_proxy=server.url, no_proxy="")
    return abeja


@pytest.fixture
def trained(server: Server) -> str:
    """The id of a training model that has two words in it."""
    content, world = zipped({"words.txt": "にゃあ miaow".encode()}), server.platform.world
    with world.store.transaction():
        definition = Definitions(world).create(server.platform.organization.id, "words")
        upload = Upload(content, len(content))
        return TrainingModels(world).create(definition, server.platform.user.id, upload).training_model_id


@pytest.fixture
def deployment(abeja: Abeja) -> tuple[str, str]:
    """The ids of a deployment, and of a version of the model."""
    made = model(abeja, "create-deployment", "--name", "cats")["deployment_id"]
    abeja.write("main.py", MODEL)
    options = ("--deployment_id", made, "--version", "0.0.1", "--image", "abeja-inc/all-cpu:19.10")
    return made, model(abeja, "create-deployment-version", *options)["version_id"]


@pytest.fixture
def served(abeja: Abeja, server: Server, deployment: tuple[str, str], trained: str) -> tuple[str, str, str]:
    """The ids of a deployment and of two services, that differ in their variable and are both ready."""
    found = []
    for word in ("first", "second"):
        options = ("--deployment_id", deployment[0], "--version_id", deployment[1], "--model_id", trained)
        made = model(abeja, "create-service", *options, "--environment", f"WORD:{word}")
        found.append(made["service_id"])
    for each in found:
        assert server.services.wait(each, PATIENCE).status == "READY", server.platform.look.service_log(each)
    return deployment[0], found[0], found[1]


def asks(abeja: Abeja, *options: str) -> Any:
    """Ask with `{"name": "犬"}`, and return what is printed."""
    return model(abeja, "check-endpoint-json", *options, "--key", "name", "--value", "犬")


def answer(word: str) -> Any:
    """Return what the model answers to that where its variable is a word."""
    return {"asked": {"name": "犬"}, "variable": word, "words": ["にゃあ", "miaow"], "method": "POST"}


def printed(abeja: Abeja, deployment: str, service: str) -> list[str]:
    """Return what the model of a service has printed, as the client shows its log."""
    events = model(abeja, "describe-service-logs", "--deployment_id", deployment, "--service_id", service)["events"]
    return [event["message"] for event in events if event["message"].startswith("asked with")]


def test_it_prints_the_answer(abeja: Abeja, served: tuple[str, str, str]) -> None:
    """That of the service it names; JSON as it is; the log has what was asked."""
    deployment, first, second = served
    where = ("--deployment_id", deployment)
    assert asks(abeja, *where, "--service_id", first) == answer("first")
    assert asks(abeja, *where, "--service_id", second) == answer("second")
    digest = hashlib.sha256(b'{"name": "\\u72ac"}').hexdigest()
    assert printed(abeja, deployment, first) == [f"asked with application/json {digest}"]
    assert len(printed(abeja, deployment, second)) == 1


def test_it_prints_text(abeja: Abeja, served: tuple[str, str, str]) -> None:
    """As a string of JSON; what is `text/plain` and no more it takes for Latin-1, as requests does."""
    where = ("--deployment_id", served[0], "--service_id", served[1])
    for key, printed in (("text", "猫です"), ("plain", "猫です".encode().decode("latin-1"))):
        assert model(abeja, "check-endpoint-json", *where, "--key", key, "--value", "猫です") == printed


def test_it_asks_where_the_endpoint_leads(abeja: Abeja, served: tuple[str, str, str]) -> None:
    """Where no service is named: the one that the endpoint `default` leads to at that time, and none without it."""
    deployment, first, second = served
    where = ("--deployment_id", deployment)
    question = ("check-endpoint-json", *where, "--key", "name", "--value", "犬")
    said = abeja("model", *question, code=1)
    assert "404" in said.error
    assert "has no endpoint 'default'" in said.error
    made = model(abeja, "create-endpoint", *where, "--service_id", first, "--custom_alias", "default")
    assert asks(abeja, *where) == answer("first")
    endpoint = (*where, "--endpoint_id", made["endpoint_id"])
    model(abeja, "update-endpoint", *endpoint, "--service_id", second)
    assert asks(abeja, *where) == answer("second")
    assert asks(abeja, *where, "--service_id", first) == answer("first")
    model(abeja, "delete-endpoint", *endpoint)
    abeja("model", *question, code=1)


def test_a_stopped_service_answers_nobody(abeja: Abeja, server: Server, served: tuple[str, str, str]) -> None:
    """Until it is started again; the other one goes on."""
    deployment, first, second = served
    where = ("--deployment_id", deployment, "--service_id", first)
    model(abeja, "stop-service", *where)
    said = abeja("model", "check-endpoint-json", *where, "--key", "name", "--value", "犬", code=1)
    assert "404" in said.error
    assert '{"status":"service not found"}' in said.error
    assert asks(abeja, "--deployment_id", deployment, "--service_id", second) == answer("second")
    model(abeja, "start-service", *where)
    server.services.wait(first, PATIENCE)
    assert asks(abeja, *where) == answer("first")
    assert len(printed(abeja, deployment, first)) == 1


@pytest.mark.parametrize(
    ("key", "value", "status", "words"),
    [("status", "422", "422", "no such cat"), ("status", "cat", "500", "unexpected error occurred")],
)
def test_an_answer_that_is_an_error(
    abeja: Abeja, served: tuple[str, str, str], key: str, value: str, status: str, words: str
) -> None:
    """It ends with exit code 1, status and body in its words; a failure is asked once, as over all plain HTTP."""
    where = ("--deployment_id", served[0], "--service_id", served[1])
    said = abeja("model", "check-endpoint-json", *where, "--key", key, "--value", value, code=1)
    assert said.out == ""
    assert f" {status} " in said.error
    assert words in said.error
    assert len(printed(abeja, *served[:2])) == 1


def test_an_image_arrives(abeja: Abeja, server: Server, served: tuple[str, str, str]) -> None:
    """Byte for byte, under the type that was said, and is answered; but of the answer the client takes no note."""
    deployment, first, _ = served
    path = str(abeja.write("cat.png", PICTURE))
    where = ("--deployment_id", deployment, "--service_id", first)
    said = abeja("model", "check-endpoint-image", *where, "--type", "png", "--image_path", path, code=1)
    assert (said.out, said.error) == ("", "")
    (call,) = server.platform.calls("request_service")
    assert call.status == 200
    assert printed(abeja, deployment, first) == [f"asked with image/png {hashlib.sha256(PICTURE).hexdigest()}"]
