"""Models of a job definition, through the client of the API; and those that SDK 1.0.4 was the last to know."""

import io
import os
import tempfile
import zipfile

from .kit import Absent, Kit
from .training_definitions import made_definition, made_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

UNKNOWN = "1999999999999"


def archive(**files: str) -> bytes:
    """Return a zip with files of these names and contents, the same bytes every time."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        for name, content in files.items():
            opened.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def created(kit: Kit, data: bytes = b"weights", **parameters: "Any") -> "Any":
    """Make a model of `definition`, and return the answer; every SDK has the client `abeja.models` for it."""
    return kit.api("models").create_training_model(kit.organization, "definition", io.BytesIO(data), parameters)


def listed(kit: Kit, **options: "Any") -> "list[str]":
    """Return the ids of the models that are listed."""
    answer = kit.api("models").get_training_models(kit.organization, "definition", **options)
    assert answer["total"] == len(answer["entries"])
    return [each["training_model_id"] for each in answer["entries"]]


def downloaded(kit: Kit, model_id: str) -> bytes:
    """Return the content of a model."""
    address = kit.api("models").download_training_model(kit.organization, "definition", model_id)["download_uri"]
    return kit.http("GET", address).body


def counted(kit: Kit) -> int:
    """Return how many models the definition says it has."""
    return int(kit.api("train").get_training_job_definition(kit.organization, "definition")["model_count"])


def local_job(kit: Kit) -> str:
    """Make a job that nothing here runs, and return its id."""
    made_version(kit, "definition")
    path = "/organizations/{org}/training/definitions/definition/versions/1/jobs"
    return str(kit.http("POST", path, {"exec_env": "local", "environment": {"RATE": "0.1"}}).json["training_job_id"])


def check_life_of_a_training_model(kit: Kit) -> None:
    """What is created is shown, listed, counted and downloaded, and gone with its definition."""
    made_definition(kit)
    api, organization = kit.api("models"), kit.organization
    assert (listed(kit), counted(kit)) == ([], 0)
    sent = {"user_parameters": {"RATE": "0.1"}, "metrics": {"loss": 0.5}, "description": "first"}  # type: dict[str, Any]
    made = created(kit, **sent)
    assert {name: made[name] for name in sent} == sent
    assert (made["id"], made["archived"], made["exec_env"]) == (made["training_model_id"], False, "none")
    assert made["training_job_id"] is None
    assert api.get_training_model(organization, "definition", made["id"]) == made
    assert (listed(kit), counted(kit)) == ([made["id"]], 1)
    address = api.download_training_model(organization, "definition", made["id"])["download_uri"]
    kit.api("train").delete_training_job_definition(organization, "definition")
    kit.refused(404, api.get_training_model, organization, "definition", made["id"])
    assert kit.http("GET", address).status == 404


def check_a_training_model_of_an_archive(kit: Kit) -> None:
    """An archive is kept as it is; what is damaged is refused."""
    made_definition(kit)
    data = archive(weights="1", more="2")
    if kit.module("common.file_helpers").convert_to_zipfile_object(io.BytesIO(data)).tell():
        message = "this SDK looks at an archive and then sends what comes behind the place it looked at last"
        raise Absent(message)
    assert downloaded(kit, created(kit, data)["training_model_id"]) == data
    kit.refused(400, created, kit, b"damaged" + data[9:])
    assert len(listed(kit)) == 1


def check_a_training_model_of_a_file(kit: Kit) -> None:
    """A file that is no archive is packed by the SDK."""
    made_definition(kit)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "weights.txt")
        with open(path, "w") as file:
            file.write("weights")
        with open(path, "rb") as file:
            made = kit.api("models").create_training_model(kit.organization, "definition", file)
    with zipfile.ZipFile(io.BytesIO(downloaded(kit, made["training_model_id"]))) as opened:
        assert {each: opened.read(each) for each in opened.namelist()} == {"weights.txt": b"weights"}


def check_a_training_model_of_a_job(kit: Kit) -> None:
    """One that names its job refers to it and says what it ran with; the job is one of the same definition."""
    made_definition(kit)
    job_id = local_job(kit)
    made = created(kit, training_job_id=job_id)
    assert (made["training_job_id"], made["exec_env"]) == (job_id, "local")
    assert made["user_parameters"] == {"RATE": "0.1"}
    assert created(kit, training_job_id=job_id, user_parameters={})["user_parameters"] == {}
    made_definition(kit, "other")
    create = kit.api("models").create_training_model
    for name, unknown in (("definition", UNKNOWN), ("other", job_id)):
        parameters = {"training_job_id": unknown}
        kit.refused(404, create, kit.organization, name, io.BytesIO(b"weights"), parameters)
    assert len(listed(kit)) == 2


def check_the_result_of_a_job_as_a_training_model(kit: Kit) -> None:
    """Where nothing is uploaded, the result of the job is the content; the SDK always uploads something."""
    made_definition(kit)
    job_id, data = local_job(kit), archive(weights="1")
    form = (
        b'--b\r\nContent-Disposition: form-data; name="model_data"; filename="m.zip"\r\n\r\n\r\n'
        b'--b\r\nContent-Disposition: form-data; name="parameters"; filename="p.json"\r\n\r\n'
        b'{"training_job_id": "' + job_id.encode() + b'"}\r\n--b--\r\n'
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    path = "/organizations/{org}/training/definitions/definition"
    assert kit.http("POST", path + "/models", form, headers).status == 409
    address = kit.http("POST", f"{path}/jobs/{job_id}/result").json["uri"]
    assert kit.http("PUT", address, data, {"Content-Type": "application/zip"}).status == 200
    made = kit.http("POST", path + "/models", form, headers).json
    assert listed(kit) == [made["id"]]
    assert downloaded(kit, made["id"]) == data


def check_describing_a_training_model(kit: Kit) -> None:
    """Its description is all that changes of it."""
    made_definition(kit)
    api, organization = kit.api("models"), kit.organization
    first, second = (created(kit, description=name) for name in ("first", "second"))
    changed = api.patch_training_model(organization, "definition", first["id"], "better words")
    assert changed["description"] == "better words"
    assert changed["modified_at"] > first["modified_at"]
    assert dict(changed, description="first", modified_at=first["modified_at"]) == first
    assert api.get_training_model(organization, "definition", first["id"]) == changed
    assert api.get_training_model(organization, "definition", second["id"]) == second
    kit.refused(400, api.patch_training_model, organization, "definition", first["id"], "x" * 257)
    kit.refused(404, api.patch_training_model, organization, "definition", UNKNOWN, "words")


def check_archiving_a_training_model(kit: Kit) -> None:
    """An archived one is listed only where it is asked for, still counted, and can come back."""
    made_definition(kit)
    api, organization = kit.api("models"), kit.organization
    first, second = (created(kit)["id"] for _ in range(2))
    content = downloaded(kit, first)
    message = f"definition:{first} archived"
    assert api.archive_training_model(organization, "definition", first) == {"message": message}
    assert api.get_training_model(organization, "definition", first)["archived"] is True
    assert (listed(kit), listed(kit, filter_archived=True), listed(kit, filter_archived=False), counted(kit)) == (
        [second],
        [second],
        [first, second],
        2,
    )
    assert downloaded(kit, first) == content
    message = f"definition:{first} unarchived"
    assert api.unarchive_training_model(organization, "definition", first) == {"message": message}
    assert listed(kit) == [first, second]
    for method in (api.archive_training_model, api.unarchive_training_model, api.download_training_model):
        kit.refused(404, method, organization, "definition", UNKNOWN)


class OlderModels:
    """The client of the older models: the SDK's own where it has one, else plain HTTP calls."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._api = kit.api("models")

    def __call__(self, function: str, method: str, path: str, *arguments: str, **body: "Any") -> "Any":
        """Call a method of the SDK with ids and the fields of the body, or else that path with them."""
        try:
            sdk = getattr(self._api, function)
        except Absent:
            where = "/organizations/{org}/models" + path.format(*arguments)
            answer = self._kit.http(method, where, body or None)
            assert answer.status == 200, answer.json
            return answer.json
        return sdk(self._kit.organization, *arguments, **body)


def check_older_models(kit: Kit) -> None:
    """What is created is shown and listed, and gone once it is deleted."""
    call = OlderModels(kit)
    first, second = (call("create_model", "POST", "", name=name, description="d") for name in ("first", "second"))
    assert (first["name"], first["description"], first["versions"]) == ("first", "d", [])
    assert call("get_model", "GET", "/{}", first["model_id"]) == first
    assert call("get_models", "GET", "")["entries"] == [first, second]
    gone = call("delete_model", "DELETE", "/{}", first["model_id"])
    assert gone == {"message": "{} deleted".format(first["model_id"])}
    assert call("get_models", "GET", "")["entries"] == [second]
    assert kit.http("GET", "/organizations/{org}/models/" + first["model_id"]).status == 404


def check_versions_of_older_models(kit: Kit) -> None:
    """A version is made first and its code put afterwards; both are gone once it is deleted."""
    made_definition(kit)
    job_id, call = local_job(kit), OlderModels(kit)
    model_id = call("create_model", "POST", "", name="m", description="d")["model_id"]
    sent = {"version": "0.0.1", "handler": "main:handler", "image": "abeja-inc/all-cpu:18.10"}
    job = {"job_definition_name": "definition", "training_job_id": job_id}
    made = call("create_model_version", "POST", "/{}/versions", model_id, **dict(sent, **job))
    address = made.pop("upload_url")
    assert {name: made[name] for name in sent} == sent
    assert (made["training_job_id"], made["job_definition_version"]) == (job_id, 1)
    assert call("get_model_version", "GET", "/{}/versions/{}", model_id, made["version_id"]) == made
    assert call("get_model_versions", "GET", "/{}/versions", model_id)["entries"] == [made]
    assert call("get_model", "GET", "/{}", model_id)["versions"] == [made]
    source = "/organizations/{org}/models/" + "{}/versions/{}/source".format(model_id, made["version_id"])
    assert kit.http("GET", source).status == 404
    assert kit.http("PUT", address, archive(main="pass")).status == 200
    assert kit.http("GET", kit.http("GET", source).json["download_uri"]).body == archive(main="pass")
    gone = call("delete_model_version", "DELETE", "/{}/versions/{}", model_id, made["version_id"])
    assert gone == {"message": "{} deleted".format(made["version_id"])}
    assert call("get_model_versions", "GET", "/{}/versions", model_id)["entries"] == []
    assert kit.http("GET", source).status == 404
