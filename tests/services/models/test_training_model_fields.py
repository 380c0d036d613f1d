"""Models of job definitions: what is refused, and that what is refused changes nothing."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest

from abeja_emulator.services.organizations.rules import Accounts
from tests.services.models.conftest import UPLOAD
from tests.services.models.test_training_models import MODELS, post
from tests.services.training.samples import linked, state, tarred
from tests.services.wire import API, Wire, bare, check_refusal

if TYPE_CHECKING:
    from abeja.training.api.client import APIClient
    from abeja.training.job import Job
    from abeja.training.job_definition import JobDefinition
    from abeja.training.model import Model

    from abeja_emulator.platform import Platform

UNKNOWN = "1999999999999"


@pytest.mark.usefixtures("definition")
class TestCreate:
    """POST …/models."""

    @pytest.mark.parametrize(
        ("parameters", "word"),
        [
            ([], "object"),
            ({"training_job_id": 1}, "training_job_id"),
            ({"description": 1}, "description"),
            ({"description": "x" * 257}, "256"),
            ({"user_parameters": ["a"]}, "user_parameters"),
            ({"metrics": 0.5}, "metrics"),
        ],
    )
    def test_parameters(self, wire: Wire, platform: Platform, parameters: Any, word: str) -> None:
        """Parameters that are not what they should be are 400, and nothing is kept."""
        before = state(platform)
        check_refusal(post(wire, UPLOAD, parameters), 400, word)
        assert state(platform) == before

    @pytest.mark.parametrize(
        "content", [b"no archive", linked(), UPLOAD[:-30]], ids=["no archive", "with a link", "damaged"]
    )
    def test_content(self, wire: Wire, platform: Platform, content: bytes) -> None:
        """What no runner could unpack is 400, and nothing is kept."""
        before = state(platform)
        check_refusal(post(wire, content, {}), 400, "archive")
        assert state(platform) == before

    def test_tar(self, wire: Wire) -> None:
        """A tar.gz is taken as well: the runner unpacks it."""
        made = post(wire, tarred(), {}).json()["id"]
        uri = wire("GET", f"{MODELS}/{made}/download").json()["download_uri"]
        assert bare("GET", uri).content == tarred()

    @pytest.mark.parametrize("missing", ["model_data", "parameters"])
    def test_part_is_missing(self, wire: Wire, missing: str) -> None:
        """Both parts have to be there; the refusal names the one that is not."""
        form = {"model_data": ("a", UPLOAD), "parameters": ("b", b"{}")}
        del form[missing]
        check_refusal(wire("POST", MODELS, files=form), 400, missing)

    def test_no_number(self, definition: JobDefinition) -> None:
        """A metric that is NaN is no JSON, and is refused in words that the SDK passes on."""
        with pytest.raises(abeja.exceptions.BadRequest, match="not JSON"):
            definition.models().create(io.BytesIO(UPLOAD), metrics={"loss": float("nan")})

    def test_neither_upload_nor_job(self, wire: Wire, platform: Platform) -> None:
        """A model without content is 400, and the refusal says where content comes from."""
        before = state(platform)
        check_refusal(post(wire, b"", {}), 400, "model_data", "training_job_id")
        assert state(platform) == before

    def test_job_without_a_result(self, wire: Wire, platform: Platform, pending: Job) -> None:
        """A job that has no result yet is a conflict, which names its status."""
        before = state(platform)
        check_refusal(post(wire, b"", {"training_job_id": pending.job_id}), 409, pending.job_id, "Pending")
        assert state(platform) == before

    @pytest.mark.parametrize("content", [b"", UPLOAD], ids=["result", "upload"])
    def test_unknown_job(self, wire: Wire, platform: Platform, job: Job, content: bytes) -> None:
        """A job that the definition does not have is 404, which names those it has."""
        before = state(platform)
        check_refusal(post(wire, content, {"training_job_id": UNKNOWN}), 404, UNKNOWN, job.job_id)
        assert state(platform) == before

    def test_job_of_another_definition(self, wire: Wire, job: Job) -> None:
        """A job belongs to its own definition only: the SDK looks for it there."""
        wire("POST", "/organizations/{org}/training/definitions", json={"name": "other"})
        form = {
            "model_data": ("a", b""),
            "parameters": ("b", json.dumps({"training_job_id": job.job_id}).encode()),
        }
        check_refusal(wire("POST", MODELS.replace("/definition/", "/other/"), files=form), 404, job.job_id)


class TestOthers:
    """The operations on one model."""

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", ""), ("PATCH", ""), ("GET", "/download"), ("POST", "/archive"), ("POST", "/unarchive")],
    )
    def test_unknown_model(self, wire: Wire, model: Model, method: str, path: str) -> None:
        """A model that is not there is 404, which names those that are."""
        check_refusal(wire(method, f"{MODELS}/{UNKNOWN}{path}", json={}), 404, UNKNOWN, model.model_id)

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", ""),
            ("GET", "/{}"),
            ("PATCH", "/{}"),
            ("GET", "/{}/download"),
            ("POST", "/{}/archive"),
            ("POST", "/{}/unarchive"),
        ],
    )
    def test_unknown_definition(self, wire: Wire, model: Model, method: str, path: str) -> None:
        """A definition that is not there is 404, whatever is asked of its models."""
        where = MODELS.replace("/definition/", "/unknown/") + path.format(model.model_id)
        check_refusal(wire(method, where, json={}), 404, "unknown")

    @pytest.mark.parametrize("description", [1, "x" * 257])
    def test_description(self, wire: Wire, model: Model, description: Any) -> None:
        """A description that is none is 400, and the model keeps its own."""
        path = f"{MODELS}/{model.model_id}"
        check_refusal(wire("PATCH", path, json={"description": description}), 400)
        assert wire("GET", path).json()["description"] == "first"

    @pytest.mark.parametrize("query", [{"filter_archived": "yes"}, {"limit": "0"}, {"offset": "-1"}])
    def test_query(self, wire: Wire, model: Model, query: dict[str, str]) -> None:
        """A query that is not what it should be is 400."""
        assert model.model_id
        check_refusal(wire("GET", MODELS, params=query), 400, *query)

    def test_regular_user_only_looks(self, platform: Platform, api: APIClient, organization: str, model: Model) -> None:
        """A user who may only look sees models and downloads them, and changes none."""
        with platform.world.store.transaction():
            user = Accounts(platform.world).add_user(organization, "token", email="r@example.org", role="regular")
        platform.auth = "strict"
        base = API + MODELS.replace("{org}", organization)
        credential = (f"user-{user.id}", "token")
        for method, path, status in (
            ("GET", "", 200),
            ("GET", f"/{model.model_id}/download", 200),
            ("POST", f"/{model.model_id}/archive", 403),
            ("PATCH", f"/{model.model_id}", 403),
        ):
            assert bare(method, base + path, auth=credential, json={}).status_code == status
        assert api.get_training_model(organization, "definition", model.model_id)["archived"] is False
