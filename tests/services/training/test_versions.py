"""Versions: uploads and downloads of sources, lists, archiving, descriptions, deletion."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest

from abeja_emulator.services.descriptions import DESCRIPTION_LIMIT
from abeja_emulator.services.training.definitions import Definitions
from tests.services.training.samples import FILES, HANDLER, IMAGE, linked, state, tarred, unzipped, zipped
from tests.services.wire import ZULU_MICROSECONDS, Wire, bare, check_answer, check_refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import requests
    from abeja.training.api.client import APIClient
    from abeja.training.client import Client
    from abeja.training.job_definition import JobDefinition
    from abeja.training.job_definition_version import JobDefinitionVersion

    from abeja_emulator.platform import Platform

VERSIONS = "/organizations/{org}/training/definitions/definition/versions"


def upload(wire: Wire, source: bytes | None, parameters: Any, label: str = "application/zip") -> requests.Response:
    """Upload a version the way clients do: a file part and a JSON part."""
    form = {"parameters": ("params.json", json.dumps(parameters).encode(), "application/json")}
    if source is not None:
        form["source_code"] = ("archive.tar.gz", source, label)
    return wire("POST", VERSIONS, files=form)


def source_of(wire: Wire, version: int = 1) -> bytes:
    """Download the source of a version as the runner does: with a credential, then without."""
    answer = wire("GET", f"{VERSIONS}/{version}/source").json()
    check_answer("get_training_job_definition_version_source", answer)
    response = bare("GET", answer["download_uri"])
    assert response.status_code == 200
    assert response.headers["Content-Length"] == str(len(response.content))
    assert "Content-Encoding" not in response.headers
    return response.content


@pytest.mark.usefixtures("definition")
class TestUpload:
    """POST …/versions."""

    def test_answer(self, wire: Wire, definition: JobDefinition) -> None:
        """The whole version comes back; `user_parameters` is there and empty."""
        parameters = {"handler": HANDLER, "image": IMAGE, "environment": {"A": "1"}, "datasets": {"train": "123"}}
        answer = upload(wire, zipped(), {**parameters, "description": "説明"}).json()
        check_answer("create_training_job_definition_version", answer)
        assert answer["created_at"] == answer["modified_at"]
        for name in ("created_at", "modified_at"):
            assert ZULU_MICROSECONDS.fullmatch(answer.pop(name))
        assert answer == {
            **parameters,
            "job_definition_id": definition.job_definition_id,
            "job_definition_version": 1,
            "user_parameters": {},
            "description": "説明",
            "archived": False,
        }

    @pytest.mark.xfail(
        sys.version_info >= (3, 12),
        reason="there the SDK hands requests a temporary file that requests does not take for one; no call is made",
        raises=TypeError,
        strict=False,
    )
    def test_filepaths(self, api: APIClient, wire: Wire, organization: str, tmp_path: Path) -> None:
        """The SDK's own zip of files has their base names only, and is kept as it was sent."""
        paths = []
        for name, content in FILES.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            paths.append(str(path))
        made = api.create_training_job_definition_version(
            organization, "definition", paths, HANDLER, image=IMAGE, environment={"A": 1}, description="files"
        )
        assert (made["handler"], made["image"], made["description"]) == (HANDLER, IMAGE, "files")
        assert made["environment"] == {"A": "1"}
        assert unzipped(source_of(wire)) == {"train.py": FILES["train.py"], "labels.txt": FILES["data/labels.txt"]}

    @pytest.mark.parametrize("source", [zipped(), tarred()], ids=["zip", "tar.gz"])
    @pytest.mark.parametrize("label", ["application/zip", "application/tar+gzip"])
    def test_type_is_told_by_content(self, wire: Wire, source: bytes, label: str) -> None:
        """Zip and tar.gz are taken under either label: the SDK calls every archive a zip. The same bytes come back."""
        response = upload(wire, source, {"handler": HANDLER, "image": IMAGE}, label)
        assert response.status_code == 200, response.text
        assert source_of(wire) == source

    def test_sdk_with_a_tar(self, definition: JobDefinition, wire: Wire) -> None:
        """The high-level SDK uploads a tar.gz from a stream."""
        version = definition.job_definition_versions().create(io.BytesIO(tarred()), HANDLER, IMAGE)
        assert version.job_definition_version_id == 1
        assert str(version.image) == IMAGE
        assert source_of(wire) == tarred()

    def test_large(self, wire: Wire) -> None:
        """A source that does not fit into memory goes to the disk and comes back the same."""
        source = zipped({"weights.bin": os.urandom(9 * 1024 * 1024)})
        assert upload(wire, source, {"handler": HANDLER}).status_code == 200
        assert source_of(wire) == source

    @pytest.mark.parametrize(
        ("source", "words"),
        [
            (b"", "neither zip nor tar"),
            (b"no archive at all", "neither zip nor tar"),
            (zipped()[:-30], "damaged"),
            (tarred()[: len(tarred()) // 2], "damaged"),
            (zipped({"../evil.py": b""}), "outside its folder"),
            (zipped({"/etc/evil.py": b""}), "outside its folder"),
            (tarred({"a/../../evil.py": b""}), "outside its folder"),
            (linked(), "is a link"),
        ],
        ids=["empty", "text", "cut zip", "cut tar", "zip up", "zip absolute", "tar up", "tar link"],
    )
    def test_refused_archive(
        self, definition: JobDefinition, wire: Wire, platform: Platform, source: bytes, words: str
    ) -> None:
        """A damaged archive, or one that writes elsewhere, is 400, changes nothing and uses up no number."""
        before = state(platform)
        check_refusal(upload(wire, source, {"handler": HANDLER, "image": IMAGE}), 400, words)
        assert state(platform) == before
        assert (
            definition.job_definition_versions().create(io.BytesIO(zipped()), HANDLER, IMAGE).job_definition_version_id
            == 1
        )

    def test_refused_form(self, wire: Wire, platform: Platform) -> None:
        """A form without one of its parts, or a body that is none, is 400 and says what is missing."""
        before = state(platform)
        check_refusal(upload(wire, None, {"handler": HANDLER}), 400, "'source_code'")
        check_refusal(wire("POST", VERSIONS, files={"source_code": zipped()}), 400, "'parameters'")
        check_refusal(wire("POST", VERSIONS, data=zipped()), 400, "multipart/form-data")
        check_refusal(wire("POST", VERSIONS, json={"handler": HANDLER}), 400, "source_code_base64")
        check_refusal(upload(wire, zipped(), {"image": IMAGE}), 400, "handler")
        check_refusal(upload(wire, zipped(), [HANDLER]), 400, "parameters")
        assert state(platform) == before

    def test_fields_of_the_cli(self, wire: Wire) -> None:
        """Mount options of the CLI are taken, and null is as good as nothing."""
        parameters = {"handler": HANDLER, "dataset_premounted": True, "datalakes": ["1"], "buckets": ["2"]}
        nothing = {"image": None, "environment": None, "user_parameters": None, "datasets": None, "description": None}
        answer = upload(wire, tarred(), {**parameters, **nothing}).json()
        check_answer("create_training_job_definition_version", answer)
        assert (answer["environment"], answer["datasets"], answer["description"]) == ({}, {}, None)


class TestSource:
    """GET …/versions/{version_id}/source."""

    @pytest.mark.usefixtures("version")
    def test_url(self, wire: Wire, platform: Platform) -> None:
        """The URL needs no credential, is good for an hour, for reading only, and for nothing else."""
        url = wire("GET", f"{VERSIONS}/1/source").json()["download_uri"]
        assert "?" in url
        check_refusal(bare("GET", url[:-1] + ("0" if url[-1] != "0" else "1")), 403, "signature")
        check_refusal(bare("GET", url.replace("/1?", "/2?")), 403, "signature")
        assert bare("PUT", url, data=b"x").status_code == 405
        platform.clock.advance(3590)
        assert bare("GET", url).content == zipped()
        platform.clock.advance(20)
        check_refusal(bare("GET", url), 403, "expired")

    @pytest.mark.usefixtures("version")
    def test_of_a_deleted_version(self, wire: Wire, definition: JobDefinition) -> None:
        """A URL outlives its version, but not what is behind it."""
        url = wire("GET", f"{VERSIONS}/1/source").json()["download_uri"]
        definition.job_definition_versions().delete(1)
        check_refusal(bare("GET", url), 404, "does not exist any more")

    @pytest.mark.usefixtures("definition")
    def test_of_a_folder(self, wire: Wire, platform: Platform) -> None:
        """A version that runs from a folder of this machine has no source, and says so when it is asked."""
        definitions = Definitions(platform.world)
        with platform.world.store.transaction():
            definitions.create_version(definitions.get(platform.organization.id, "definition"), None, handler=HANDLER)
        check_refusal(wire("GET", f"{VERSIONS}/1/source"), 404, "no source archive")


class TestList:
    """GET …/versions."""

    def test_filter(self, api: APIClient, wire: Wire, organization: str, definition: JobDefinition) -> None:
        """Oldest first, archived ones only when asked for; the SDK's True means exclude."""
        versions = definition.job_definition_versions()
        for _ in range(3):
            versions.create(io.BytesIO(zipped()), HANDLER, IMAGE)
        assert api.archive_training_job_definition_version(organization, "definition", 2) == {"message": "archived"}
        for filter_archived, expected in ((None, [1, 3]), (True, [1, 3]), (False, [1, 2, 3])):
            shown = api.get_training_job_definition_versions(
                organization, "definition", filter_archived=filter_archived
            )
            check_answer("get_training_job_definition_versions", shown)
            assert [each["job_definition_version"] for each in shown["entries"]] == expected
            listed = versions.list(filter_archived=filter_archived)
            assert [each.job_definition_version_id for each in listed] == expected
            assert len(listed) == len(expected)
        assert api.unarchive_training_job_definition_version(organization, "definition", 2) == {"message": "unarchived"}
        assert len(versions.list()) == 3
        check_refusal(wire("GET", VERSIONS, params={"filter_archived": "1"}), 400, "filter_archived")

    def test_archived_is_still_there(self, definition: JobDefinition, version: JobDefinitionVersion) -> None:
        """An archived version can be read by its number."""
        definition.job_definition_versions().archive(1)
        found = definition.job_definition_versions().get(1)
        assert found.archived
        assert found.handler == version.handler
        assert found.modified_at > version.modified_at
        assert found.created_at == version.created_at


class TestOne:
    """GET, PATCH, DELETE …/versions/{version_id}."""

    def test_get(self, api: APIClient, organization: str, training: Client, version: JobDefinitionVersion) -> None:
        """A version is what its creation answered, and leads back to its definition by id."""
        shown = api.get_training_job_definition_version(organization, "definition", 1)
        check_answer("get_training_job_definition_version", shown)
        (embedded,) = api.get_training_job_definition(organization, "definition")["versions"]
        assert shown == embedded
        found = training.job_definitions().get("definition").job_definition_versions().get(1)
        assert found.environment == version.environment == {"EPOCHS": "3"}
        assert found.job_definition.name == "definition"

    @pytest.mark.parametrize("number", ["2", "0", "-1", "latest", "01"])
    @pytest.mark.usefixtures("version")
    def test_unknown(self, wire: Wire, number: str) -> None:
        """A number that is none of a version's is 404, for all that can be done with one."""
        for method, rest in (
            ("GET", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "/archive"),
            ("POST", "/unarchive"),
            ("GET", "/source"),
            ("POST", "/jobs"),
        ):
            check_refusal(
                wire(method, f"{VERSIONS}/{number}{rest}", json={}), 404, f"no version '{number}'", "it has 1"
            )

    def test_patch_changes_the_description(self, definition: JobDefinition, version: JobDefinitionVersion) -> None:
        """The description changes, and the time; nothing else does."""
        changed = definition.job_definition_versions().update(1, "second")
        assert (version.description, changed.description) == ("first", "second")
        assert changed.modified_at > version.modified_at
        for name in ("handler", "image", "environment", "archived", "created_at"):
            assert getattr(changed, name) == getattr(version, name)

    @pytest.mark.usefixtures("version")
    def test_patch_keeps_the_rest(self, wire: Wire) -> None:
        """What is not the description is left alone, the description too when it is not named; null takes it away."""
        before = wire("GET", f"{VERSIONS}/1").json()
        for body in ({}, {"handler": "other:handler", "image": "a/b", "archived": True}):
            assert wire("PATCH", f"{VERSIONS}/1", json=body).json() == before
        cleared = wire("PATCH", f"{VERSIONS}/1", json={"description": None}).json()
        assert {**cleared, "modified_at": None} == {**before, "description": None, "modified_at": None}

    @pytest.mark.usefixtures("version")
    def test_description_limit(self, api: APIClient, organization: str) -> None:
        """256 characters, not bytes, are the most: for a change, a new version and a job."""
        longest = "あ" * DESCRIPTION_LIMIT
        changed = api.patch_training_job_definition_version(organization, "definition", 1, longest)
        assert changed["description"] == longest
        calls: list[Callable[[str], dict[str, Any]]] = [
            lambda text: api.patch_training_job_definition_version(organization, "definition", 1, text),
            lambda text: api.create_training_job(organization, "definition", 1, description=text),
            lambda text: api.create_training_job_definition_version_native_api(
                organization, "definition", io.BytesIO(zipped()), {"handler": HANDLER, "description": text}
            ),
        ]
        for call in calls:
            assert call(longest)["description"] == longest
            with pytest.raises(abeja.exceptions.BadRequest, match="length <= 256"):
                call(longest + "x")

    def test_delete(self, api: APIClient, organization: str, platform: Platform, definition: JobDefinition) -> None:
        """A deleted version leaves nothing behind, and its number never comes back."""
        before = state(platform)
        versions = definition.job_definition_versions()
        assert versions.create(io.BytesIO(zipped()), HANDLER, IMAGE).job_definition_version_id == 1
        assert api.delete_training_job_definition_version(organization, "definition", 1) == {"message": "deleted"}
        assert state(platform) == before
        assert versions.create(io.BytesIO(zipped()), HANDLER, IMAGE).job_definition_version_id == 2

    def test_shared_source(self, wire: Wire, definition: JobDefinition) -> None:
        """Two versions with the same bytes are one blob; deleting one of them leaves the other its source."""
        versions = definition.job_definition_versions()
        for _ in range(2):
            versions.create(io.BytesIO(zipped()), HANDLER, IMAGE)
        versions.delete(1)
        assert source_of(wire, 2) == zipped()
