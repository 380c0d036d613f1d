"""Models as SDK 1.0.4 and before know them; that SDK itself goes through the scenario `training_models`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.services.training.samples import state, tarred, zipped
from tests.services.wire import PLATFORM_ID, ZULU_MICROSECONDS, Wire, bare, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.training.job import Job
    from abeja.training.job_definition import JobDefinition

    from abeja_emulator.platform import Platform

MODELS = "/organizations/{org}/models"
UNKNOWN = "1999999999999"
VERSION = {"version": "0.0.1", "handler": "main:handler", "image": "abeja-inc/all-cpu:18.10", "content_type": None}


@pytest.fixture
def path(wire: Wire) -> str:
    """Path of a model named `m`."""
    return f"{MODELS}/{wire('POST', MODELS, json={'name': 'm', 'description': 'd'}).json()['model_id']}"


@pytest.fixture
def version(wire: Wire, path: str) -> dict[str, Any]:
    """A version of it, as it was answered."""
    answer: dict[str, Any] = wire("POST", f"{path}/versions", json=VERSION).json()
    return answer


class TestModels:
    """…/models."""

    def test_create_get_list_delete(self, wire: Wire) -> None:
        """What is created is shown and listed, with its versions, and gone once it is deleted."""
        made = wire("POST", MODELS, json={"name": "m", "description": "d"}).json()
        check_answer("create_model", made)
        assert PLATFORM_ID.fullmatch(made["model_id"])
        assert ZULU_MICROSECONDS.fullmatch(made["created_at"])
        assert (made["name"], made["description"], made["versions"]) == ("m", "d", [])
        path = f"{MODELS}/{made['model_id']}"
        assert wire("GET", path).json() == made
        other = wire("POST", MODELS, json={"name": "other"}).json()
        listed = wire("GET", MODELS).json()
        check_answer("get_models", listed)
        assert listed == {"entries": [made, other]}
        assert wire("DELETE", path).json() == {"message": f"{made['model_id']} deleted"}
        check_refusal(wire("GET", path), 404, made["model_id"], other["model_id"])
        assert wire("GET", MODELS).json() == {"entries": [other]}
        assert wire("POST", MODELS, json={"name": "m"}).status_code == 200

    @pytest.mark.usefixtures("path")
    @pytest.mark.parametrize(
        ("body", "word"),
        [
            ({}, "name"),
            ({"name": ""}, "name"),
            ({"name": "m"}, "exists already"),
            ({"name": "n", "description": "x" * 257}, "256"),
            ({"name": 1}, "name"),
        ],
    )
    def test_refused(self, wire: Wire, platform: Platform, body: Any, word: str) -> None:
        """A name that is missing or taken is 400, as the SDK's docstring says, and makes nothing."""
        before = state(platform)
        check_refusal(wire("POST", MODELS, json=body), 400, word)
        assert state(platform) == before

    @pytest.mark.parametrize(
        ("method", "rest"), [("GET", ""), ("DELETE", ""), ("GET", "/versions"), ("GET", "/versions/v")]
    )
    def test_unknown(self, wire: Wire, method: str, rest: str) -> None:
        """A model that is not there is 404."""
        check_refusal(wire(method, f"{MODELS}/{UNKNOWN}{rest}"), 404, UNKNOWN)


class TestVersions:
    """…/models/{model_id}/versions."""

    def test_create_get_list_delete(self, wire: Wire, path: str, version: dict[str, Any]) -> None:
        """What is created is shown, listed and part of its model; it is gone once it is deleted."""
        check_answer("create_model_version", version)
        assert version.pop("upload_url")
        assert version["version_id"].startswith("ver-")
        assert len(version["version_id"]) == len("ver-0a1b2c3d4e5f6071")
        assert {name: version[name] for name in ("version", "handler", "image")} == {
            name: VERSION[name] for name in ("version", "handler", "image")
        }
        assert version["job_definition_id"] is version["job_definition_version"] is version["training_job_id"] is None
        shown = wire("GET", f"{path}/versions/{version['version_id']}").json()
        check_answer("get_model_version", shown)
        assert shown == version
        listed = wire("GET", f"{path}/versions").json()
        check_answer("get_model_versions", listed)
        assert listed["entries"] == wire("GET", path).json()["versions"] == [version]
        gone = wire("DELETE", f"{path}/versions/{version['version_id']}").json()
        assert gone == {"message": f"{version['version_id']} deleted"}
        check_refusal(wire("GET", f"{path}/versions/{version['version_id']}"), 404, version["version_id"])
        assert (
            wire("GET", f"{path}/versions").json()
            == {"entries": []}
            == {"entries": wire("GET", path).json()["versions"]}
        )

    def test_of_a_job(self, wire: Wire, path: str, definition: JobDefinition, job: Job) -> None:
        """A version can name a job, together with its definition, and shows both by their ids."""
        body = {**VERSION, "job_definition_name": "definition", "training_job_id": job.job_id}
        made = wire("POST", f"{path}/versions", json=body).json()
        shown = (made["job_definition_id"], made["job_definition_version"], made["training_job_id"])
        assert shown == (definition.job_definition_id, 1, job.job_id)

    @pytest.mark.usefixtures("version")
    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({}, "already"),
            ({"version": ""}, "version"),
            ({"version": None}, "version"),
            ({"version": "2", "handler": ""}, "handler"),
            ({"version": "2", "image": "nonsense"}, "image"),
            ({"version": "2", "training_job_id": "1"}, "job_definition_name"),
            ({"version": "2", "job_definition_name": "a"}, "training_job_id"),
        ],
    )
    def test_refused(self, wire: Wire, platform: Platform, path: str, change: Any, word: str) -> None:
        """A version that is taken or incomplete is 400, as the SDK's docstring says, and makes nothing."""
        before = state(platform)
        check_refusal(wire("POST", f"{path}/versions", json={**VERSION, **change}), 400, word)
        assert state(platform) == before

    def test_unknown_model(self, wire: Wire, path: str) -> None:
        """A version of a model that is not there is 400, as the SDK's docstring says."""
        check_refusal(wire("POST", f"{MODELS}/{UNKNOWN}/versions", json=VERSION), 400, UNKNOWN, path.rpartition("/")[2])

    @pytest.mark.parametrize("where", [("unknown", "1"), ("definition", UNKNOWN)])
    def test_unknown_job(self, wire: Wire, path: str, job: Job, where: tuple[str, str]) -> None:
        """A job or a definition that is not there is 404."""
        assert job.job_id
        body = {**VERSION, "job_definition_name": where[0], "training_job_id": where[1]}
        check_refusal(wire("POST", f"{path}/versions", json=body), 404, where[0] if where[1] == "1" else UNKNOWN)


class TestSource:
    """The code of a version."""

    def test_upload_and_download(self, wire: Wire, platform: Platform, path: str, version: dict[str, Any]) -> None:
        """What is put to the URL that came with the version is what is downloaded, whatever it is; the last one counts.

        Behind the URL of the platform is an object store, which looks at nothing.
        """
        source = f"{path}/versions/{version['version_id']}/source"
        check_refusal(wire("GET", source), 404, "upload_url")
        for content in (tarred(), zipped(), b"no archive", b""):
            assert bare("PUT", version["upload_url"], data=content).status_code == 200
            answer = wire("GET", source).json()
            check_answer("get_model_version_source", answer)
            response = bare("GET", answer["download_uri"])
            assert response.content == content
            assert response.headers["Content-Type"] == "application/octet-stream"
            assert state(platform)["bytes"] == len(content)

    def test_content_type(self, wire: Wire, path: str) -> None:
        """The code comes with the content type that the version was made with."""
        made = wire("POST", f"{path}/versions", json={**VERSION, "content_type": "application/zip"}).json()
        bare("PUT", made["upload_url"], data=zipped())
        answer = wire("GET", f"{path}/versions/{made['version_id']}/source").json()
        assert bare("GET", answer["download_uri"]).headers["Content-Type"] == "application/zip"

    def test_refused(self, platform: Platform, version: dict[str, Any]) -> None:
        """Without the signature, or with that of the other method, nothing is taken and what is there stays."""
        assert bare("PUT", version["upload_url"], data=zipped()).status_code == 200
        before = state(platform)
        check_refusal(bare("PUT", version["upload_url"].partition("?")[0], data=tarred()), 403)
        check_refusal(bare("GET", version["upload_url"]), 403)
        assert state(platform) == before

    @pytest.mark.parametrize("below", ["", "/versions/{}"], ids=["model", "version"])
    def test_delete(self, wire: Wire, platform: Platform, below: str) -> None:
        """A version that is deleted, alone or with its model, takes its code with it."""
        path = f"{MODELS}/{wire('POST', MODELS, json={'name': 'm'}).json()['model_id']}"
        made = wire("POST", f"{path}/versions", json=VERSION).json()
        bare("PUT", made["upload_url"], data=zipped())
        source = wire("GET", f"{path}/versions/{made['version_id']}/source").json()["download_uri"]
        assert wire("DELETE", path + below.format(made["version_id"])).status_code == 200
        assert state(platform)["blobs"] == []
        assert state(platform)["bytes"] == 0
        check_refusal(bare("GET", source), 404, made["version_id"])
        check_refusal(bare("PUT", made["upload_url"], data=zipped()), 404, made["version_id"])
