"""OpenAPI documents: well-formed, made of the declarations alone, and true of what is really answered."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional, Union

import msgspec
import pytest

from abeja_emulator.control.operations import OPERATIONS as CONTROL
from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.wire.content import Download, Multipart, Upload
from abeja_emulator.wire.messages import Request
from abeja_emulator.wire.openapi import openapi
from abeja_emulator.wire.operations import Access, Base, Evidence, Operation, Role
from tests.control.document import check_document, fits, operations_of, resolved
from tests.platform_calls import BEARER
from tests.services.training.samples import zipped

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform

PLATFORM = openapi(all_operations(), title="platform", version="1")
STEERING = openapi(CONTROL, title="control", version="1", secured=False)


class Leaf(msgspec.Struct):
    """A leaf."""

    size: int = 1


class Tree(msgspec.Struct, forbid_unknown_fields=True):
    """A tree."""

    name: str
    leaves: list[Leaf] = []


class Search(msgspec.Struct):
    """A search."""

    kind: Literal["oak", "elm"]
    limit: Annotated[int, msgspec.Meta(ge=1, description="How many.")] = 10
    q: Optional[str] = None
    age: Annotated[Optional[int], msgspec.Meta(description="How old.")] = None
    state: Optional[Literal["green", "dry"]] = None
    leaf: Union[int, str] = 1


def rule(call: Any) -> Any:
    """Plant a tree.

    It grows.

    Raises:
        NotFound: when there is no ground.
    """


def declared(method: str = "GET", path: str = "/trees/{tree_id}", name: str = "plant", **fields: Any) -> Operation:
    """Return an operation."""
    fields.setdefault("rule", rule)
    return Operation(name, method, path, service="forest", **fields)


def described(operation: Operation, *, secured: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the document of one operation, and the operation in it."""
    document = openapi([operation], title="Forest", version="2", secured=secured)
    check_document(document)
    return document, document["paths"][operation.path][operation.method.lower()]


class TestDocument:
    """The whole."""

    @pytest.mark.parametrize(
        ("document", "operations"), [(PLATFORM, all_operations()), (STEERING, CONTROL)], ids=["platform", "control"]
    )
    def test_well_formed_and_complete(self, document: dict[str, Any], operations: tuple[Operation, ...]) -> None:
        """Every operation is in it once, under its method and path, and references lead somewhere."""
        check_document(document)
        found = {(path, method.upper(), each["operationId"]) for path, method, each in operations_of(document)}
        declared = {(each.path, each.method, each.name) for each in operations}
        others = {(each.path, way, f"{each.name}_with_{way.lower()}") for each in operations for way in each.also}
        assert found == declared | others

    def test_no_schema_is_left_over(self) -> None:
        """Each that is there is referred to: what a query is made of is in its parameters."""
        for document in (PLATFORM, STEERING):
            text = json.dumps(document)
            for name in document["components"]["schemas"]:
                assert f'"#/components/schemas/{name}"' in text
        assert "FileList" not in PLATFORM["components"]["schemas"]

    def test_head(self) -> None:
        """Title, version and what is said of all of it."""
        document = openapi([], title="Forest", version="2", description="Trees.")
        check_document(document)
        assert document["info"] == {"title": "Forest", "version": "2", "description": "Trees."}
        assert document["paths"] == {}

    def test_two_shapes_of_one_name(self) -> None:
        """Shapes of two services that are called alike are told apart."""
        lists = [name for name in PLATFORM["components"]["schemas"] if name.endswith("TagListView")]
        assert len(lists) >= 2

    def test_one_shape_of_many_operations(self) -> None:
        """A shape that operations of many services share stands once, by its own name."""
        messages = [name for name in PLATFORM["components"]["schemas"] if name.endswith("Message")]
        assert messages == ["Message"]

    def test_every_call_gives_its_own(self) -> None:
        """Whoever changes one does not change the next."""
        one, other = (openapi([declared(answer=Tree)], title="x", version="1") for _ in range(2))
        one["components"]["schemas"].clear()
        one["paths"].clear()
        assert other == openapi([declared(answer=Tree)], title="x", version="1")


class TestOperation:
    """One operation."""

    def test_words(self) -> None:
        """Summary and description are those of the docstring, without what is about Python."""
        _, operation = described(declared())
        assert (operation["summary"], operation["description"]) == ("Plant a tree.", "It grows.")
        assert (operation["operationId"], operation["tags"]) == ("plant", ["forest"])

    def test_evidence(self) -> None:
        """What it claims; without a source it claims nothing."""
        _, operation = described(declared(evidence=Evidence.CLIENT, source="sdk.py"))
        assert (operation["x-evidence"], operation["x-source"]) == ("client", "sdk.py")
        _, operation = described(declared())
        assert not {"x-evidence", "x-source"} & set(operation)

    def test_not_emulated(self) -> None:
        """It is there with the 501 it answers, and promises nothing else."""
        _, operation = described(declared(rule=None, reason="it is a dream", errors=(404,)))
        assert operation["summary"] == "Not emulated: it is a dream."
        assert list(operation["responses"]) == ["501"]

    def test_query(self) -> None:
        """Each field is a parameter with its type; that it is null when it is not there cannot be sent."""
        _, operation = described(declared(query=Search))
        path, *query = operation["parameters"]
        assert path == {"name": "tree_id", "in": "path", "required": True, "schema": {"type": "string"}}
        assert {each["in"] for each in query} == {"query"}
        assert {each["name"]: each["required"] for each in query} == {
            "kind": True,
            "limit": False,
            "q": False,
            "age": False,
            "state": False,
            "leaf": False,
        }
        assert {each["name"]: each["schema"] for each in query} == {
            "kind": {"enum": ["elm", "oak"]},
            "limit": {"type": "integer", "minimum": 1, "default": 10},
            "q": {"type": "string"},
            "age": {"type": "integer"},
            "state": {"enum": ["dry", "green"]},
            "leaf": {"anyOf": [{"type": "integer"}, {"type": "string"}], "default": 1},
        }
        assert {each["name"]: each.get("description") for each in query if "description" in each} == {
            "limit": "How many.",
            "age": "How old.",
        }

    @pytest.mark.parametrize(
        ("body", "required", "value", "wrong"),
        [
            (Tree, True, {"name": "oak", "leaves": [{"size": 2}]}, {"name": "oak", "leave": []}),
            (Leaf, False, {}, {"size": "2"}),
            (dict[str, str], False, {"a": "b"}, {"a": 1}),
            (list[Leaf], True, [{}, {"size": 2}], [{"size": None}]),
            (Union[Leaf, list[Leaf]], False, [{}], 5),
        ],
    )
    def test_json_body(self, body: Any, required: bool, value: Any, wrong: Any) -> None:
        """It is described as it is checked, and may be left out where an empty object would do."""
        document, operation = described(declared("POST", body=body, answer=Tree))
        assert operation["requestBody"]["required"] is required
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert fits(document, value, schema)
        assert not fits(document, wrong, schema)

    def test_form(self) -> None:
        """A file and JSON, as parts of a form."""
        document, operation = described(declared("POST", body=Multipart("bark", Tree)))
        form = operation["requestBody"]["content"]["multipart/form-data"]
        assert form["schema"]["required"] == ["bark", "parameters"]
        assert form["encoding"] == {"parameters": {"contentType": "application/json"}}
        assert fits(document, {"name": "oak"}, form["schema"]["properties"]["parameters"])

    def test_bytes(self) -> None:
        """Of any type, both ways."""
        _, operation = described(declared("PUT", body=Upload, answer=Download))
        assert operation["requestBody"]["content"] == operation["responses"]["200"]["content"] == {"*/*": {}}

    def test_errors(self) -> None:
        """Each status it refuses with, and what the body of a refusal is."""
        document, operation = described(declared(answer=Tree, errors=(404, 409, 418)))
        assert list(operation["responses"]) == ["200", "404", "409", "418"]
        response = resolved(document, operation["responses"]["404"])
        assert response["description"] == "Nothing has that id or path."
        schema = response["content"]["application/json"]["schema"]
        assert fits(document, {"error": "not_found", "error_description": "none"}, schema)
        assert fits(document, {"error": "not_found", "error_description": "none", "error_detail": [1]}, schema)
        assert not fits(document, {"error": "not_found"}, schema)

    def test_security(self) -> None:
        """A credential, or the signature and the expiry of a URL; or nothing, where nothing is asked for."""
        document, operation = described(declared())
        assert operation["security"] == [{"basic": []}, {"bearer": []}]
        assert operation["x-role"] == "regular"
        _, administered = described(declared(role=Role.ADMIN))
        assert administered["x-role"] == "admin"
        assert document["components"]["securitySchemes"]["signature"]["name"] == "signature"
        _, operation = described(declared(access=Access.SIGNATURE))
        assert operation["security"] == [{"signature": []}]
        assert "x-role" not in operation
        assert [each["name"] for each in operation["parameters"]] == ["tree_id", "expires"]
        document, operation = described(declared(access=Access.SIGNATURE), secured=False)
        assert not {"security", "x-role"} & set(operation)
        assert "securitySchemes" not in document["components"]

    def test_host(self) -> None:
        """What an organization's own host serves names that host."""
        _, operation = described(declared(base=Base.ORGANIZATION))
        (server,) = operation["servers"]
        assert set(re.findall(r"\{(\w+)\}", server["url"])) == set(server["variables"])
        _, operation = described(declared())
        assert "servers" not in operation


#: Services whose operations are all called here: JSON, forms, raw bytes, signed URLs.
WALKED = {"organizations", "datasets", "datalake"}


class TestTruth:
    """What the platform's document says of a request and its answer is so."""

    def test_every_answer(self, platform: Platform) -> None:
        """Operations of every kind are called as the document says, and answer as it says.

        What the others answer is held against their declarations whenever a test of theirs calls them.
        """
        walk = Walk(platform)
        walk.organization()
        walk.datasets()
        walk.channels()
        walk.training()
        assert walk.called >= {each.name for each in all_operations() if each.rule and each.service in WALKED}

    def test_refusals(self, platform: Platform) -> None:
        """So does one that is refused: without a credential or a signature every one is."""
        for path, method, operation in operations_of(PLATFORM):
            if "501" in operation["responses"]:
                continue
            target = re.sub(r"\{\w+\}", "1999999999999", path)
            response = platform.handle(Request(method.upper(), target))
            schema = resolved(PLATFORM, operation["responses"][str(response.status)])["content"]["application/json"]
            assert fits(PLATFORM, json.loads(response.read()), schema["schema"])

    def test_a_wrong_answer_would_be_seen(self) -> None:
        """The check tells a missing field, a wrong type, and a value that is none of those allowed."""
        schema = {"$ref": "#/components/schemas/Health"}
        health = {
            "status": "ok",
            "version": "1",
            "organization_id": "1",
            "auth": "open",
            "jobs_running": 1,
            "jobs_queued": None,
        }
        assert fits(STEERING, health, schema)
        for wrong in ({"status": "fine"}, {"version": 1}, {"jobs_running": "1"}, {"jobs_running": True}):
            assert not fits(STEERING, {**health, **wrong}, schema)
        for name in health:
            assert not fits(STEERING, {key: value for key, value in health.items() if key != name}, schema)


class Walk:
    """Calls operations by their names, checking each request and each answer against the document."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._operations = {each["operationId"]: (path, method, each) for path, method, each in operations_of(PLATFORM)}
        self.called: set[str] = set()

    def __call__(self, name: str, *segments: Any, body: Any = None, query: str = "") -> Any:
        """Call an operation with values for its path behind the organization."""
        path, method, operation = self._operations[name]
        values = [self._platform.organization.id, *segments] if "{organization_id}" in path else list(segments)
        assert len(re.findall(r"\{\w+\}", path)) == len(values)
        target = re.sub(r"\{\w+\}", lambda _: str(values.pop(0)), path) + query
        if body is not None:
            content = operation["requestBody"]["content"]
            if "application/json" in content:
                assert fits(PLATFORM, body, content["application/json"]["schema"])
                body = json.dumps(body).encode()
        return self._send(name, method.upper(), target, body or b"")

    def signed(self, name: str, url: str, body: bytes = b"") -> Any:
        """Call an operation by a signed URL."""
        _, method, operation = self._operations[name]
        required = {each["name"] for each in operation["parameters"] if each["in"] == "query" and each["required"]}
        assert {part.partition("=")[0] for part in url.partition("?")[2].split("&")} == {*required, "signature"}
        return self._send(name, method.upper(), "/" + url.split("/", 3)[3], body)

    def _send(self, name: str, method: str, target: str, body: bytes, *headers: tuple[str, str]) -> Any:
        response = self._platform.handle(Request(method, target, headers=[BEARER, *headers], body=body))
        content = response.read()
        assert response.status == 200, (name, content)
        described = self._operations[name][2]["responses"]["200"].get("content")
        self.called.add(name)
        if described is None:
            assert content == b""
            return None
        if "*/*" in described:
            return content
        answer = json.loads(content)
        assert fits(PLATFORM, answer, described["application/json"]["schema"]), (name, answer)
        return answer

    def organization(self) -> None:
        """The organization."""
        self("get_organization")

    def datasets(self) -> None:
        """A dataset and its items."""
        made = self("create_dataset", body={"name": "flowers", "type": "custom", "props": {}})["dataset_id"]
        item = {"source_data": [{"data_uri": "datalake://1/2", "data_type": "image/png"}], "attributes": {"a": 1}}
        number = self("create_dataset_item", made, body=item)["dataset_item_id"]
        assert len(self("create_dataset_item", made, body=[item, item])) == 2
        self("list_dataset_items", made)
        changed = [{"dataset_item_id": number, "attributes": {"b": [None, 0.5]}}]
        self("bulk_update_dataset_item", made, body=changed)
        self("get_dataset_item", made, number)
        self("update_dataset_item", made, number, body={"attributes": {"c": "猫"}})
        self("delete_dataset_item", made, number)
        self("list_datasets")
        self("get_dataset", made)
        self("delete_dataset", made)

    def channels(self) -> None:
        """A channel, its data source and its files."""
        channel = self("create_channel", body={"name": "logs", "storage_type": "datalake"})["channel"]["channel_id"]
        for name in ("get_channel", "archive_channel", "unarchive_channel"):
            self(name, channel)
        self("patch_channel", channel, body={"description": "of trees"})
        self("list_channels")
        source = self._platform.seed.datasource("camera").datasource_id
        self("put_channel_datasource", channel, source)
        self("list_channel_datasources", channel)
        self("delete_channel_datasource", channel, source)
        file = self("post_channel_file_upload", channel, body=b"content", query="?lifetime=1day")["file_id"]
        reserved = self("get_channel_file_upload", channel)
        self.signed("upload_file", reserved["upload_url"], b"more")
        self("list_channel_files", channel)
        shown = self("get_channel_file_download", channel, file)
        assert self.signed("download_file", shown["download_url"]) == b"content"
        self("put_channel_file_metadata", channel, file, body={"x-abeja-meta-label": "1"})
        self("put_channel_file_lifetime", channel, file, body={"lifetime": "1week"})
        self("delete_channel_file", channel, file)

    def training(self) -> None:
        """A job definition, its version, and its jobs."""
        self("create_training_job_definition", body={"name": "train"})
        self("get_training_job_definitions")
        parameters = json.dumps({"handler": "train:handler", "environment": {"EPOCHS": 3}})
        lines = [
            "--x",
            'Content-Disposition: form-data; name="parameters"',
            "Content-Type: application/json",
            "",
            parameters,
        ]
        lines += ["--x", 'Content-Disposition: form-data; name="source_code"; filename="a.zip"', "", ""]
        form = "\r\n".join(lines).encode() + zipped() + b"\r\n--x--\r\n"
        path = f"/organizations/{self._platform.organization.id}/training/definitions/train/versions"
        content_type = ("Content-Type", "multipart/form-data; boundary=x")
        self._send("create_training_job_definition_version", "POST", path, form, content_type)
        self("get_training_job_definition_versions", "train")
        version = "training_job_definition_version"
        for name in (f"get_{version}", f"archive_{version}", f"unarchive_{version}"):
            self(name, "train", 1)
        self(f"patch_{version}", "train", 1, body={"description": None})
        self.signed("download_source", self(f"get_{version}_source", "train", 1)["download_uri"])
        self._jobs()
        self("get_training_job_definition", "train", query="?include_jobs=true")
        self(f"delete_{version}", "train", 1)
        for name in ("archive", "unarchive", "delete"):
            self(f"{name}_training_job_definition", "train")

    def _jobs(self) -> None:
        new = {"exec_env": "local", "datasets": {"train": "1999999999999"}, "environment": {"A": None}}
        job, stopped, deleted = (self("create_training_job", "train", 1, body=new)["training_job_id"] for _ in range(3))
        self("update_training_job_status", "train", job, body={"status": "Active"})
        self(
            "update_statistics", "train", job, body={"statistics": {"num_epochs": 1, "stages": {"train": {"loss": 1}}}}
        )
        self("create_training_job_logs", "train", job, body={"logs": [{"message": "a", "timestamp": 1}]})
        self("get_training_result", "train", job)
        self.signed("upload_result", self("create_training_result", "train", job)["uri"], zipped())
        uri = self("get_training_result", "train", job)["artifacts"]["complete"]["uri"]
        assert self.signed("download_result", uri) == zipped()
        self("stop_training_job", "train", stopped)
        self("delete_training_job", "train", deleted)
        for name in ("get_training_job", "archive_training_job", "unarchive_training_job"):
            self(name, "train", job)
        self("get_training_jobs", "train", query="?limit=2")
