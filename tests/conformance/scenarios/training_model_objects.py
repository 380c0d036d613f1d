"""Models of a job definition as objects."""

import io
import os
import tempfile
import zipfile

from .kit import Kit
from .training_definitions import IDLE
from .training_jobs import shown
from .training_objects import archive, definitions_of, held, made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def said(model: "Any") -> "tuple[Any, ...]":
    """Return what a model says of itself."""
    return model.model_id, model.job_id, model.description, model.environment, model.metrics, model.archived


def content(kit: Kit, models: "Any", model_id: str) -> "dict[str, bytes]":
    """Return the files of a model, as the platform hands them out."""
    with zipfile.ZipFile(io.BytesIO(kit.http("GET", models.get_download_uri(model_id)).body)) as opened:
        return {each: opened.read(each) for each in opened.namelist()}


def check_life_of_a_model(kit: Kit) -> None:
    """What is created is got, listed and counted as it was made, with its content, until its definition is deleted."""
    definition, other = made(kit), made(kit, "other")
    models, job = definition.models(), held(kit, definition)
    assert (models.organization_id, models.job_definition_name) == (kit.organization, "definition")
    assert models.job_definition_id == definition.job_definition_id
    assert list(models.list()) == []
    options = {"environment": {"RATE": "0.1"}, "metrics": {"loss": 0.5}, "description": "the first"}
    created = models.create(archive(model="weights"), job_id=job.job_id, **options)
    wanted = (created.model_id, job.job_id, "the first", {"RATE": "0.1"}, {"loss": 0.5}, False)
    for each in (created, models.get(created.model_id), next(iter(models.list()))):
        assert said(each) == wanted
        assert (each.organization_id, each.job_definition_id) == (kit.organization, definition.job_definition_id)
        assert (each.created_at, each.modified_at) == (created.created_at, created.modified_at)
        assert (each.creator, str(each.exec_env)) == (job.creator, "cloud")
        assert (each.job_definition.name, each.job.job_id) == ("definition", job.job_id)
    assert content(kit, models, created.model_id) == {"model.py": b"weights"}
    assert definitions_of(kit).get("definition").model_count == 1
    assert (list(other.models().list()), definitions_of(kit).get("other").model_count) == ([], 0)
    kit.refused(404, other.models().get, created.model_id)
    address = models.get_download_uri(created.model_id)
    definitions_of(kit).delete("definition")
    kit.refused(404, models.get, created.model_id)
    assert kit.http("GET", address).status == 404


def check_a_model_of_no_job(kit: Kit) -> None:
    """A file that is no archive is packed by the SDK; a model need not say anything of itself."""
    models = made(kit).models()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "weights.txt")
        with open(path, "w") as file:
            file.write("weights")
        with open(path, "rb") as file:
            created = models.create(file)
    assert said(models.get(created.model_id)) == (created.model_id, None, None, {}, {}, False)
    assert str(created.exec_env) == "none"
    assert created.job is None
    assert content(kit, models, created.model_id) == {"weights.txt": b"weights"}


def check_a_model_of_a_job_that_is_not_there(kit: Kit) -> None:
    """It is refused, and so is that of another definition: there is no model more than before."""
    models, stranger = made(kit).models(), held(kit, made(kit, "other"))
    for job_id in ("1999999999999", stranger.job_id):
        kit.refused(404, models.create, archive(model="weights"), job_id=job_id)
    kit.refused(400, models.create, archive(model="weights"), description="x" * 257)
    assert len(models.list()) == 0


def check_describing_a_model(kit: Kit) -> None:
    """Its description is all that changes of it."""
    models = made(kit).models()
    first, second = (models.create(archive(model=IDLE), description=name) for name in ("first", "second"))
    changed = models.update(first.model_id, "better words")
    assert (changed.model_id, changed.description) == (first.model_id, "better words")
    assert changed.modified_at > first.modified_at
    got = models.get(first.model_id)
    assert (said(got), got.modified_at, got.created_at) == (said(changed), changed.modified_at, first.created_at)
    assert said(models.get(second.model_id)) == said(second)
    kit.refused(404, models.update, "1999999999999", "words")


def check_archiving_a_model(kit: Kit) -> None:
    """An archived model is listed and counted only where it is asked for, keeps its content, and can come back."""
    models = made(kit).models()
    first, second = (models.create(archive(model=name)) for name in ("first", "second"))

    def listed(**options: "Any") -> "list[str]":
        found = models.list(**options)
        assert (found.organization_id, found.filter_archived) == (kit.organization, options.get("filter_archived"))
        ids = [each.model_id for each in found]
        assert (len(found), found.limit) == (len(ids), 1000)
        return sorted(ids)

    both = sorted([first.model_id, second.model_id])
    models.archive(first.model_id)
    assert models.get(first.model_id).archived is True
    assert listed() == listed(filter_archived=True) == [second.model_id]
    assert listed(filter_archived=False) == both
    assert content(kit, models, first.model_id) == {"model.py": b"first"}
    models.unarchive(first.model_id)
    assert (models.get(first.model_id).archived, listed()) == (False, both)


def check_a_model_without_its_definition(kit: Kit) -> None:
    """A model that was made of an answer alone finds its definition and its job on the platform."""
    definition = made(kit)
    job = held(kit, definition)
    created = definition.models().create(archive(model="weights"), job_id=job.job_id)
    answer = kit.api("training").get_training_model(kit.organization, "definition", created.model_id)
    model = kit.module("training").Model.from_response(kit.api("training"), kit.organization, answer)
    assert said(model) == said(created)
    assert model.job_definition.job_definition_id == definition.job_definition_id
    assert (model.job.job_id, model.job.created_at) == (job.job_id, shown(kit, job.job_id)["created_at"])
