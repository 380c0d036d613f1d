"""The command line client starts notebooks; nothing of it stops one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.services.notebooks.rules import Notebooks
from abeja_emulator.services.training.definitions import Definitions
from tests.conformance.client import shows

if TYPE_CHECKING:
    from abeja_emulator.server import Server
    from abeja_emulator.services.notebooks.records import Notebook
    from tests.conformance.client import Abeja

IMAGE = "abeja-inc/all-gpu:19.10"

FIELDS = ("training_notebook_id", "job_definition_id", "name", "instance_type", "image", "notebook_type", "created_at")


def training(abeja: Abeja, command: str, *arguments: str) -> Any:
    """Run a command of the group `training`, and return what it answers."""
    return abeja("training", command, *arguments).json


def kept(server: Server, *, stopped: bool = False) -> list[Notebook]:
    """Return the notebooks of the definition, oldest first; `stopped`: stop them before."""
    world = server.platform.world
    with world.store.transaction():
        notebooks, definition = Notebooks(world), Definitions(world).get(server.platform.organization.id, "points")
        found = notebooks.select(definition, 0, 100)[0][::-1]
        return [notebooks.stop(notebook) for notebook in found] if stopped else found


@pytest.fixture(autouse=True)
def definition(server: Server) -> None:
    """A job definition."""
    with server.platform.world.store.transaction():
        Definitions(server.platform.world).create(server.platform.organization.id, "points")


def test_create(abeja: Abeja, server: Server) -> None:
    """One is created as options say, or as `training.yaml` does, or with what is the default."""
    named = ("--job-definition-name", "points", "--image", IMAGE)
    first = training(abeja, "create-notebook", *named, "--notebook-type", "lab", "--instance-type", "gpu-2")
    second = training(abeja, "create-notebook", *named)
    abeja.write("training.yaml", "name: points\nimage: abeja-inc/all-cpu:19.10\ninstance_type: cpu-4\n")
    third = training(abeja, "create-notebook")
    records = kept(server)
    for answer, record in zip((first, second, third), records):
        shows(answer, record, *FIELDS)
    assert [(each.image, each.instance_type, each.notebook_type) for each in records] == [
        (IMAGE, "gpu-2", "lab"),
        (IMAGE, "gpu-1", "notebook"),
        ("abeja-inc/all-cpu:19.10", "cpu-4", "notebook"),
    ]
    assert [each["status"] for each in (first, second, third)] == ["Pending"] * 3
    assert first["creator"]["id"] == server.platform.user.id
    said = abeja("training", "create-notebook", "--notebook-type", "book", code=1)
    assert said.out == "create notebook aborted.\n"
    assert "400 Bad Request" in said.error
    assert len(kept(server)) == 3


def test_mounts(abeja: Abeja, server: Server) -> None:
    """What is to be mounted is taken, and nothing is mounted."""
    abeja.write("training.yaml", f"name: points\nimage: {IMAGE}\n")
    mounts = ("--datalake", "1230000000001", "--bucket", "1230000000002", "--dataset", "train:1230000000003")
    training(abeja, "create-notebook", *mounts)
    (notebook,) = kept(server, stopped=True)
    training(abeja, "start-notebook", "--notebook-id", notebook.training_notebook_id, *mounts)
    assert [each.status for each in kept(server)] == ["Pending"]


def test_start(abeja: Abeja, server: Server) -> None:
    """One that was stopped is started, as another type where one is named; one that runs is refused."""
    abeja.write("training.yaml", f"name: points\nimage: {IMAGE}\n")
    start = ("start-notebook", "--notebook-id", training(abeja, "create-notebook")["training_notebook_id"])
    said = abeja("training", *start, code=1)
    assert "409 Conflict" in said.error
    kept(server, stopped=True)
    answer = training(abeja, *start, "--notebook-type", "lab")
    (record,) = kept(server)
    shows(answer, record, *FIELDS, "status", "modified_at")
    assert (record.status, record.notebook_type) == ("Pending", "lab")
    kept(server, stopped=True)
    assert training(abeja, *start)["notebook_type"] == "lab"
    said = abeja("training", "start-notebook", "--notebook-id", "1999999999999", code=1)
    assert "404 Not Found" in said.error
