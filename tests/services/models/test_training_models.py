"""Models of job definitions: what each operation changes in the answers of the others."""

from __future__ import annotations

import io
import json
import tempfile
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
import requests
from abeja.tracking import Tracking

from tests.services.models.conftest import RESULT, UPLOAD
from tests.services.training.samples import HANDLER, IMAGE, state, unzipped, zipped
from tests.services.wire import PLATFORM_ID, ZULU_MICROSECONDS, Wire, bare, check_answer, check_refusal

if TYPE_CHECKING:
    from pathlib import Path

    from abeja.training.api.client import APIClient
    from abeja.training.client import Client
    from abeja.training.job import Job
    from abeja.training.job_definition import JobDefinition
    from abeja.training.model import Model

    from abeja_emulator.platform import Platform

MODELS = "/organizations/{org}/training/definitions/definition/models"


def sends_temporary_files() -> bool:
    """Whether requests does; the SDK makes one of a model that is no archive, and loses it open when that fails."""
    with tempfile.NamedTemporaryFile() as file:
        try:
            requests.Request("POST", "http://127.0.0.1", files={"file": file}).prepare()
        except TypeError:
            return False
    return True


#: A temporary file has its `read` from the file inside it. requests 2.34 asks by `isinstance` with a protocol whether
#: a file can be read, and from Python 3.12 on that looks no further than the class: the SDK makes no call.
wraps_in_archive = pytest.mark.skipif(
    not sends_temporary_files(), reason="this requests sends no temporary file, and the SDK has no other to send"
)


def post(wire: Wire, content: bytes, parameters: Any) -> requests.Response:
    """Create a model the way clients do: a file part and a JSON part."""
    form = {
        "model_data": ("model_data.zip", content, "application/zip"),
        "parameters": ("params.json", json.dumps(parameters).encode(), "application/json"),
    }
    return wire("POST", MODELS, files=form)


def content_of(api: APIClient, organization: str, model_id: str) -> bytes:
    """Download a model as the runner does: with a credential, then without."""
    uri = api.download_training_model(organization, "definition", model_id)["download_uri"]
    assert "?" in uri
    response = bare("GET", uri)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/zip"
    return response.content


@pytest.mark.usefixtures("definition")
class TestCreate:
    """POST …/models."""

    def test_answer(self, wire: Wire, platform: Platform, definition: JobDefinition) -> None:
        """The whole model comes back, the id and the environment under both of their names."""
        sent = {"user_parameters": {"BATCH": 32, "EMPTY": None}, "metrics": {"loss": "NaN", "acc": 0.9}}
        answer = post(wire, UPLOAD, {**sent, "description": "説明"}).json()
        check_answer("create_training_model", answer)
        identifier, creator = answer.pop("id"), answer.pop("user")
        assert PLATFORM_ID.fullmatch(identifier)
        assert creator["id"] == platform.user.id
        assert answer["created_at"] == answer["modified_at"]
        for name in ("created_at", "modified_at"):
            assert ZULU_MICROSECONDS.fullmatch(answer.pop(name))
        assert answer == {
            "training_model_id": identifier,
            "job_definition_id": definition.job_definition_id,
            "training_job_id": None,
            "user_parameters": {"BATCH": "32", "EMPTY": ""},
            "environment": {"BATCH": "32", "EMPTY": ""},
            "metrics": {"loss": "NaN", "acc": 0.9},
            "description": "説明",
            "archived": False,
            "exec_env": "none",
        }

    def test_nothing_but_content(self, wire: Wire) -> None:
        """Parameters may be left out, all of them, and are empty then."""
        answer = post(wire, UPLOAD, {}).json()
        assert (answer["environment"], answer["metrics"], answer["description"]) == ({}, {}, None)

    def test_sdk_object(self, definition: JobDefinition, model: Model, organization: str, platform: Platform) -> None:
        """The high-level SDK reads every field of it, and finds its definition by the id."""
        assert PLATFORM_ID.fullmatch(model.model_id)
        assert (model.environment, model.metrics, model.description) == ({"BATCH": "32"}, {"loss": 0.5}, "first")
        assert (model.organization_id, str(model.exec_env), model.archived) == (organization, "none", False)
        assert (model.job_id, model.job) == (None, None)
        assert model.creator is not None
        assert model.creator.id == platform.user.id
        found = definition.models().get(model.model_id)
        assert found.job_definition.job_definition_id == definition.job_definition_id

    def test_from_the_result_of_a_job(
        self, wire: Wire, api: APIClient, organization: str, definition: JobDefinition, job: Job
    ) -> None:
        """Without an upload the result of the job is the content; the model refers to the job and has its variables."""
        answer = post(wire, b"", {"training_job_id": job.job_id}).json()
        check_answer("create_training_model", answer)
        assert (answer["environment"], answer["exec_env"]) == ({"EPOCHS": "3"}, "cloud")
        assert content_of(api, organization, answer["id"]) == RESULT
        found = definition.models().get(answer["id"]).job
        assert found is not None
        assert found.job_id == job.job_id

    def test_from_a_large_result(
        self, wire: Wire, api: APIClient, organization: str, job: Job, platform: Platform
    ) -> None:
        """A result that is kept on the disk is the content all the same, and no second time on the disk."""
        large = zipped({"model.h5": b"\0"}) + bytes(9_000_000)
        path = f"/organizations/{{org}}/training/definitions/definition/jobs/{job.job_id}/result"
        assert bare("PUT", wire("POST", path).json()["uri"], data=large).status_code == 200
        before = platform.world.store.blobs.size
        answer = post(wire, b"", {"training_job_id": job.job_id}).json()
        assert content_of(api, organization, answer["id"]) == large
        assert platform.world.store.blobs.size == before

    def test_upload_beside_a_job(
        self, api: APIClient, organization: str, definition: JobDefinition, pending: Job
    ) -> None:
        """What is uploaded with the id of a job is the content, whether the job has a result or not."""
        made = definition.models().create(io.BytesIO(UPLOAD), job_id=pending.job_id, environment={})
        assert (made.job_id, made.environment) == (pending.job_id, {})
        assert content_of(api, organization, made.model_id) == UPLOAD

    def test_result_that_changes_later(self, wire: Wire, api: APIClient, organization: str, job: Job) -> None:
        """A model keeps the result it was made of, also when the job gets another."""
        made = post(wire, b"", {"training_job_id": job.job_id}).json()["id"]
        path = f"/organizations/{{org}}/training/definitions/definition/jobs/{job.job_id}/result"
        assert bare("PUT", wire("POST", path).json()["uri"], data=zipped({"other": b""})).status_code == 200
        assert content_of(api, organization, made) == RESULT

    @wraps_in_archive
    def test_tracking(
        self,
        api: APIClient,
        organization: str,
        definition: JobDefinition,
        pending: Job,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """`Tracking` of a running job makes a model of a file, with its parameters and numbers that are none."""
        monkeypatch.setenv("ABEJA_ORGANIZATION_ID", organization)
        monkeypatch.setenv("TRAINING_JOB_DEFINITION_NAME", "definition")
        monkeypatch.setenv("TRAINING_JOB_ID", pending.job_id)
        monkeypatch.setenv("ABEJA_TRAINING_RESULT_DIR", str(tmp_path))
        (tmp_path / "model.txt").write_text("weights")
        with Tracking(total_steps=1) as tracking:
            tracking.log_step(1)
            tracking.log_param("learning rate", "0.03")
            tracking.log_metric("main/loss", float("nan"))
            tracking.log_artifact(str(tmp_path / "model.txt"))
        (made,) = definition.models().list()
        assert (made.job_id, made.environment, made.metrics) == (
            pending.job_id,
            {"learning rate": "0.03"},
            {"main_loss": "NaN"},
        )
        assert b"weights" in unzipped(content_of(api, organization, made.model_id)).values()

    def test_archived_definition(self, definition: JobDefinition, training: Client) -> None:
        """A definition that was archived while a job of it runs takes the models of that job."""
        training.job_definitions().archive("definition")
        made = definition.models().create(io.BytesIO(UPLOAD))
        assert [each.model_id for each in definition.models().list()] == [made.model_id]


class TestRead:
    """GET …/models and …/models/{model_id}."""

    @pytest.mark.usefixtures("model")
    def test_same_everywhere(self, wire: Wire) -> None:
        """What was answered at the creation is what is listed and shown."""
        made = post(wire, UPLOAD, {"description": "second"}).json()
        shown = wire("GET", f"{MODELS}/{made['id']}").json()
        check_answer("get_training_model", shown)
        listed = wire("GET", MODELS).json()
        check_answer("get_training_models", listed)
        assert shown == made == listed["entries"][1]

    def test_list_is_whole(self, definition: JobDefinition) -> None:
        """The SDK's iterator names no page and repeats entries when it lacks one: all come at once, oldest first."""
        made = [definition.models().create(io.BytesIO(UPLOAD)).model_id for _ in range(60)]
        found = definition.models().list()
        assert len(found) == 60
        assert [each.model_id for each in found] == made

    @pytest.mark.parametrize(("offset", "limit"), [(0, 2), (1, 1), (2, 5), (3, 1)])
    def test_part(self, wire: Wire, definition: JobDefinition, offset: int, limit: int) -> None:
        """A part of them can be asked for; how many there are is told all the same."""
        made = [definition.models().create(io.BytesIO(UPLOAD)).model_id for _ in range(3)]
        answer = wire("GET", MODELS, params={"offset": offset, "limit": limit}).json()
        assert [each["id"] for each in answer["entries"]] == made[offset : offset + limit]
        assert (answer["total"], answer["offset"], answer["limit"]) == (3, offset, limit)

    def test_none(self, definition: JobDefinition, wire: Wire) -> None:
        """A definition without models lists none."""
        assert list(definition.models().list()) == []
        assert wire("GET", MODELS).json() == {"entries": [], "total": 0, "offset": 0, "limit": 0}

    def test_of_this_definition_only(self, training: Client, model: Model) -> None:
        """Models of another definition are neither listed nor found nor can be archived there."""
        other = training.job_definitions().create("other").models()
        assert list(other.list()) == []
        for call in (other.get, other.get_download_uri, other.archive):
            with pytest.raises(abeja.exceptions.NotFound, match=model.model_id):
                call(model.model_id)


class TestChange:
    """PATCH, archive and unarchive."""

    def test_description(self, definition: JobDefinition, model: Model) -> None:
        """A new description is shown and listed, with a later time; all else stays."""
        changed = definition.models().update(model.model_id, "second")
        found = definition.models().get(model.model_id)
        (listed,) = definition.models().list()
        assert changed.description == found.description == listed.description == "second"
        assert found.modified_at > model.modified_at
        assert (found.created_at, found.environment, found.metrics) == (
            model.created_at,
            model.environment,
            model.metrics,
        )

    def test_nothing_named(self, wire: Wire, model: Model, platform: Platform) -> None:
        """A change that names nothing changes nothing, as the CLI without --description; null takes it away."""
        before = state(platform)
        answer = wire("PATCH", f"{MODELS}/{model.model_id}", json={"metrics": {}}).json()
        check_answer("patch_training_model", answer)
        assert answer["description"] == "first"
        assert state(platform) == before
        assert wire("PATCH", f"{MODELS}/{model.model_id}", json={"description": None}).json()["description"] is None

    def test_archive(self, api: APIClient, organization: str, definition: JobDefinition, model: Model) -> None:
        """An archived model is out of the list, but not out of sight, and comes back as it was."""
        kept = definition.models().create(io.BytesIO(UPLOAD)).model_id
        message = api.archive_training_model(organization, "definition", model.model_id)
        assert message == {"message": f"definition:{model.model_id} archived"}
        for filter_archived, expected in (
            (None, [kept]),
            (True, [kept]),
            (False, [model.model_id, kept]),
        ):
            found = definition.models().list(filter_archived=filter_archived)
            assert [each.model_id for each in found] == expected
            assert len(found) == len(expected)
        archived = definition.models().get(model.model_id)
        assert archived.archived
        assert archived.modified_at > model.modified_at
        assert content_of(api, organization, model.model_id) == UPLOAD
        message = api.unarchive_training_model(organization, definition.job_definition_id, model.model_id)
        assert message == {"message": f"definition:{model.model_id} unarchived"}
        assert [each.archived for each in definition.models().list()] == [False, False]


class TestDownload:
    """GET …/models/{model_id}/download and what is behind it."""

    def test_same_bytes(self, api: APIClient, organization: str, model: Model) -> None:
        """The bytes are those of the upload."""
        answer = api.download_training_model(organization, "definition", model.model_id)
        check_answer("download_training_model", answer)
        assert content_of(api, organization, model.model_id) == UPLOAD

    @wraps_in_archive
    def test_file_that_is_no_archive(self, api: APIClient, organization: str, definition: JobDefinition) -> None:
        """The SDK wraps a file that is no zip into one; that one comes back."""
        made = definition.models().create(io.BytesIO(b"weights"))
        assert list(unzipped(content_of(api, organization, made.model_id)).values()) == [b"weights"]

    def test_only_with_its_signature(self, platform: Platform, definition: JobDefinition, model: Model) -> None:
        """A signature opens one model, until it expires."""
        other = definition.models().create(io.BytesIO(UPLOAD))
        uri = definition.models().get_download_uri(model.model_id)
        check_refusal(bare("GET", uri.partition("?")[0]), 403)
        check_refusal(bare("GET", uri.replace(model.model_id, other.model_id)), 403)
        platform.clock.advance(3601)
        check_refusal(bare("GET", uri), 403, "expired")

    def test_gone(self, training: Client, definition: JobDefinition, model: Model) -> None:
        """A URL of a model that is gone meanwhile is 404."""
        uri = definition.models().get_download_uri(model.model_id)
        training.job_definitions().delete("definition")
        check_refusal(bare("GET", uri), 404, model.model_id)


class TestDefinition:
    """What happens to the definition of models."""

    def test_count(self, training: Client, definition: JobDefinition, model: Model) -> None:
        """`model_count` counts every model, archived ones too, and those of no other definition."""

        def count() -> int:
            (listed,) = [each for each in training.job_definitions().list() if each.name == "definition"]
            found = training.job_definitions().get("definition").model_count
            assert listed.model_count == found
            return found

        training.job_definitions().create("other").models().create(io.BytesIO(UPLOAD))
        assert count() == 1
        definition.models().create(io.BytesIO(UPLOAD))
        assert count() == 2
        definition.models().archive(model.model_id)
        assert count() == 2

    def test_delete(self, training: Client, wire: Wire, platform: Platform, job: Job) -> None:
        """Deleting it deletes its models and their content, and no content that another one still has."""
        other = training.job_definitions().create("other")
        other.models().create(io.BytesIO(UPLOAD))
        before = state(platform)
        models = training.job_definitions().create("third").models()
        models.create(io.BytesIO(UPLOAD))
        models.create(io.BytesIO(zipped({"a": b""})))
        models.archive(models.create(io.BytesIO(zipped({"b": b""}))).model_id)
        training.job_definitions().delete("third")
        assert state(platform) == before
        assert post(wire, b"", {"training_job_id": job.job_id}).status_code == 200
        training.job_definitions().delete("definition")
        assert {digest for digest, _, _ in state(platform)["blobs"]} < {digest for digest, _, _ in before["blobs"]}
        assert len(other.models().list()) == 1

    def test_name_again(self, training: Client, definition: JobDefinition, model: Model) -> None:
        """A new definition under the name of a deleted one has none of its models."""
        training.job_definitions().delete(definition.name)
        again = training.job_definitions().create(definition.name)
        assert (again.model_count, list(again.models().list())) == (0, [])
        with pytest.raises(abeja.exceptions.NotFound):
            again.models().get(model.model_id)

    def test_version_is_no_concern(self, definition: JobDefinition, job: Job, wire: Wire) -> None:
        """A model outlives the version its job ran."""
        made = post(wire, b"", {"training_job_id": job.job_id}).json()["id"]
        definition.job_definition_versions().delete(1)
        found = definition.models().get(made).job
        assert found is not None
        assert found.job_id == job.job_id
        definition.job_definition_versions().create(io.BytesIO(zipped()), HANDLER, IMAGE)
        assert definition.models().get(made).job_id == job.job_id
