"""The command line client keeps models of a job definition, and makes versions of what is in a git repository."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest
import requests

from abeja_emulator.services.models.rules import TrainingModels
from abeja_emulator.services.training.definitions import Definitions
from tests.conformance.client import PATIENCE, shows
from tests.services.training.samples import zipped

if TYPE_CHECKING:
    from abeja_emulator.server import Server
    from abeja_emulator.services.models.records import TrainingModel
    from abeja_emulator.services.training.records import JobDefinition, JobDefinitionVersion
    from tests.conformance.client import Abeja, Said

IMAGE = "abeja-inc/all-cpu:19.10"

REPOSITORY = "https://git.example.com/me/points.git"

FIELDS = ("training_model_id", "job_definition_id", "environment", "description", "archived", "exec_env")


def training(abeja: Abeja, command: str, *arguments: str, code: int = 0) -> Said:
    """Run a command of the group `training`."""
    return abeja("training", command, *arguments, code=code)


@pytest.fixture
def definition(abeja: Abeja, server: Server) -> JobDefinition:
    """A job definition, which `training.yaml` names."""
    abeja.write("training.yaml", "name: points\n")
    with server.platform.world.store.transaction():
        return Definitions(server.platform.world).create(server.platform.organization.id, "points")


def kept(server: Server, definition: JobDefinition) -> list[TrainingModel]:
    """Return the models of a definition, archived ones too."""
    with server.platform.world.store.reading():
        return TrainingModels(server.platform.world).select(definition, 0, None, archived=True)[0]


def content(server: Server, model: TrainingModel) -> bytes:
    """Return what a model is made of."""
    return server.platform.world.store.blobs.read(model.content)


# -- models -------------------------------------------------------------------------------------


def test_create(abeja: Abeja, server: Server, definition: JobDefinition) -> None:
    """Of a file that is no zip the client makes one; a zip is sent as it is."""
    abeja.write("deep/weights.bin", b"weights" * 3000)
    abeja.write("model.zip", zipped())
    answer = training(
        abeja,
        *("create-training-model", "--filepath", "deep/weights.bin", "--description", "重み"),
        *("--user-parameters", "EPOCHS:3"),
    ).json
    plain = training(abeja, "create-training-model", "--filepath", "model.zip").json
    first, second = kept(server, definition)
    for shown, record in ((answer, first), (plain, second)):
        shows(shown, record, *FIELDS, "created_at", "modified_at")
        assert (shown["id"], shown["user_parameters"]) == (record.training_model_id, record.environment)
    assert (first.description, first.environment, first.exec_env) == ("重み", {"EPOCHS": "3"}, "none")
    assert answer["user"]["id"] == server.platform.user.id
    with zipfile.ZipFile(io.BytesIO(content(server, first))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"deep/weights.bin": b"weights" * 3000}
    assert content(server, second) == zipped()
    said = training(abeja, "create-training-model", "-j", "unknown", "--filepath", "model.zip", code=1)
    assert "404 Not Found" in said.error
    assert len(kept(server, definition)) == 2


@pytest.fixture
def models(server: Server, definition: JobDefinition, abeja: Abeja) -> tuple[str, str]:
    """The ids of two models."""
    abeja.write("model.zip", zipped())
    first, second = (training(abeja, "create-training-model", "--filepath", "model.zip").json["id"] for _ in range(2))
    return first, second


def test_describe_update_and_archive(
    abeja: Abeja, server: Server, definition: JobDefinition, models: tuple[str, str]
) -> None:
    """Of a model the description changes; an archived one is in the list only where that is asked for."""
    first, second = models

    def listed(*arguments: str) -> list[tuple[str, str | None, bool]]:
        entries = training(abeja, "describe-training-models", *arguments).json["entries"]
        return [(entry["id"], entry["description"], entry["archived"]) for entry in entries]

    answer = training(abeja, "update-training-model", "--model_id", first, "--description", "better").json
    assert training(abeja, "describe-training-models", "--model_id", first).json == answer
    assert listed() == [(first, "better", False), (second, None, False)]
    said = training(abeja, "archive-training-model", "--model_id", first).json
    assert said == {"message": f"points:{first} archived"}
    assert [each.archived for each in kept(server, definition)] == [True, False]
    assert listed() == [(second, None, False)]
    assert listed("--include-archived") == [(first, "better", True), (second, None, False)]
    said = training(abeja, "unarchive-training-model", "--model_id", first).json
    assert said == {"message": f"points:{first} unarchived"}
    assert [each.archived for each in kept(server, definition)] == [False, False]
    said = training(abeja, "update-training-model", "--model_id", first, "--description", "x" * 257, code=1)
    assert "400 Bad Request" in said.error
    assert kept(server, definition)[0].description == "better"


def test_download(abeja: Abeja, server: Server, definition: JobDefinition, models: tuple[str, str]) -> None:
    """The client says where the content is, and whoever goes there gets it."""
    answer = training(abeja, "download-training-model", "--model_id", models[0]).json
    response = requests.get(answer["download_uri"], timeout=PATIENCE)
    assert response.content == content(server, kept(server, definition)[0]) == zipped()
    said = training(abeja, "download-training-model", "--model_id", "1999999999999", code=1)
    assert "404 Not Found" in said.error


# -- versions from git --------------------------------------------------------------------------


def versions(server: Server, definition: JobDefinition) -> list[JobDefinitionVersion]:
    """Return the versions of a definition."""
    with server.platform.world.store.reading():
        return Definitions(server.platform.world).versions(definition, archived=True)


def test_a_version_from_git(abeja: Abeja, server: Server, definition: JobDefinition) -> None:
    """It is known where its code is, and what options and `training.yaml` say of it."""
    abeja.write("training.yaml", f"name: points\nhandler: main:handler\nimage: {IMAGE}\nenvironment:\n  SIZE: 2\n")
    answer = training(
        abeja,
        *("create-version-from-git", "--git-url", REPOSITORY, "--git-branch", "dev", "--handler", "train:handler"),
        *("--environment", "EPOCHS:3", "--datasets", "train:1230000000001", "--description", "from git"),
    ).json
    plain = training(abeja, "create-version-from-git", "--git-url", REPOSITORY).json
    first, second = versions(server, definition)
    for shown, record in ((answer, first), (plain, second)):
        fields = ("job_definition_version", "handler", "image", "environment", "datasets", "description")
        shows(shown, record, *fields, "git_url", "git_branch", "created_at")
    assert (first.git_url, first.git_branch, first.handler) == (REPOSITORY, "dev", "train:handler")
    assert (first.environment, first.datasets) == ({"SIZE": "2", "EPOCHS": "3"}, {"train": "1230000000001"})
    assert (second.git_branch, second.handler, second.source) == ("master", "main:handler", "")
    said = training(abeja, "create-version-from-git", "--git-url", "git@example.com:me/points", code=1)
    assert "400 Bad Request" in said.error
    assert len(versions(server, definition)) == 2
