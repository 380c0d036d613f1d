"""Job definitions and their versions, through the client of the API."""

import base64
import io
import os
import tempfile
import zipfile

from .kit import Absent, Kit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

IMAGE = "abeja-inc/all-cpu:19.10"

#: A handler that has nothing to do.
IDLE = "def handler(context):\n    pass\n"


def made_version(kit: Kit, name: str, source: str = IDLE, **options: "Any") -> "Any":
    """Make a version of a definition out of the source of its one file, and return the answer.

    With the client `abeja.train`, which every SDK has.
    """
    options = dict({"handler": "train:handler", "image": IMAGE}, **options)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "train.py")
        with open(path, "w") as file:
            file.write(source)
        api = kit.api("train")
        return api.create_training_job_definition_version(kit.organization, name, filepaths=[path], **options)


def made_definition(kit: Kit, name: str = "definition", versions: int = 0) -> str:
    """Make a definition with that many versions, and return its id."""
    definition = kit.api("train").create_training_job_definition(kit.organization, name)
    for _ in range(versions):
        made_version(kit, name)
    return str(definition["job_definition_id"])


def names(kit: Kit, **options: "Any") -> "list[str]":
    """Return the names of the definitions that are listed, but for that of the job which the tests themselves are."""
    entries = kit.api("train").get_training_job_definitions(kit.organization, **options)["entries"]
    return [each["name"] for each in entries if each["name"] != "pytest"]


def numbers(kit: Kit, name: str = "definition", **options: "Any") -> "list[int]":
    """Return the numbers of the versions that are listed."""
    entries = kit.api("train").get_training_job_definition_versions(kit.organization, name, **options)["entries"]
    return [each["job_definition_version"] for each in entries]


def source_address(kit: Kit, version: int, name: str = "definition") -> str:
    """Return where the platform hands out the source archive of a version."""
    path = "/organizations/{org}/training/definitions/" + f"{name}/versions/{version}/source"
    return str(kit.http("GET", path).json["download_uri"])


def source_files(kit: Kit, version: int) -> "dict[str, bytes]":
    """Return the files in the source archive of a version of `definition`, as the platform hands it out."""
    archive = kit.http("GET", source_address(kit, version)).body
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {each: opened.read(each) for each in opened.namelist()}


def check_life_of_a_definition(kit: Kit) -> None:
    """It is shown by its name and by its id, listed and counted, and gone with its versions once it is deleted."""
    api, organization = kit.api("train"), kit.organization
    assert names(kit) == []
    before = api.get_training_job_definitions(organization)["total"]
    created = api.create_training_job_definition(organization, "first")
    assert (created["name"], created["organization_id"], created["archived"]) == ("first", organization, False)
    assert (created["versions"], created["version_count"]) == ([], 0)
    identifier = created["job_definition_id"]
    for name in ("first", identifier):
        got = api.get_training_job_definition(organization, name, include_jobs=False)
        assert dict(got, jobs=None) == dict(created, jobs=None)
    made_definition(kit, "second")
    assert names(kit) == ["first", "second"]
    assert api.get_training_job_definitions(organization)["total"] == before + 2
    kit.refused(409, api.create_training_job_definition, organization, "first")
    made_version(kit, "first")
    assert api.get_training_job_definition(organization, "first")["version_count"] == 1
    address = source_address(kit, 1, "first")
    assert kit.http("GET", address).status == 200
    assert api.delete_training_job_definition(organization, "first") == {"message": "first deleted"}
    assert names(kit) == ["second"]
    assert api.get_training_job_definitions(organization)["total"] == before + 1
    for name in ("first", identifier):
        kit.refused(404, api.get_training_job_definition, organization, name)
        kit.refused(404, api.get_training_job_definition_versions, organization, name)
        kit.refused(404, api.get_training_job_definition_version, organization, name, 1)
    kit.refused(404, api.delete_training_job_definition, organization, "first")
    assert kit.http("GET", address).status == 404
    assert made_definition(kit, "first") != identifier
    assert numbers(kit, "first") == []


def check_pages_of_definitions(kit: Kit) -> None:
    """A page begins and ends where it is asked to; the total is that of all."""
    api, organization = kit.api("train"), kit.organization
    kit.takes(api.get_training_job_definitions, "offset", "limit")
    before = api.get_training_job_definitions(organization)["total"]
    wanted = [f"definition {number}" for number in range(5)]
    for name in wanted:
        made_definition(kit, name)
    for offset in range(6):
        page = api.get_training_job_definitions(organization, offset=before + offset, limit=2)
        assert [each["name"] for each in page["entries"]] == wanted[offset : offset + 2]
        assert (page["total"], page["offset"], page["limit"]) == (before + 5, before + offset, 2)


def check_archiving_a_definition(kit: Kit) -> None:
    """An archived definition is listed and counted only where it is asked for, takes no jobs, and can come back."""
    api, organization = kit.api("training"), kit.organization
    made_definition(kit, "kept", versions=1)
    made_definition(kit, "archived", versions=1)
    total = api.get_training_job_definitions(organization)["total"]
    assert api.archive_training_job_definition(organization, "archived") == {"message": "archived archived"}
    assert api.get_training_job_definition(organization, "archived")["archived"] is True
    assert names(kit) == names(kit, filter_archived=True) == ["kept"]
    # What SDK and platform mean by false: nothing is filtered.
    assert names(kit, filter_archived=False) == ["kept", "archived"]
    assert api.get_training_job_definitions(organization)["total"] == total - 1
    assert api.get_training_job_definitions(organization, filter_archived=False)["total"] == total
    kit.refused(409, api.create_training_job, organization, "archived", 1)
    assert api.unarchive_training_job_definition(organization, "archived") == {"message": "archived unarchived"}
    assert api.get_training_job_definition(organization, "archived")["archived"] is False
    assert names(kit) == ["kept", "archived"]
    for each in (api.archive_training_job_definition, api.unarchive_training_job_definition):
        kit.refused(404, each, organization, "no such definition")


def check_life_of_a_version(kit: Kit) -> None:
    """Versions are numbered for themselves in each definition; a number that is deleted does not come back."""
    api, organization = kit.api("train"), kit.organization
    identifier = made_definition(kit, versions=1)
    made_definition(kit, "other", versions=1)
    created = made_version(kit, "definition", environment={"EPOCHS": 3, "NAME": "x"}, description="the second")
    assert (created["job_definition_version"], created["job_definition_id"]) == (2, identifier)
    assert (created["handler"], created["image"], created["archived"]) == ("train:handler", IMAGE, False)
    assert (created["environment"], created["description"]) == ({"EPOCHS": "3", "NAME": "x"}, "the second")
    assert api.get_training_job_definition_version(organization, "definition", 2) == created
    assert (numbers(kit), numbers(kit, "other")) == ([1, 2], [1])
    definition = api.get_training_job_definition(organization, "definition")
    listed = api.get_training_job_definition_versions(organization, "definition")["entries"]
    assert definition["versions"] == listed
    assert (listed[1], definition["version_count"]) == (created, 2)
    address = source_address(kit, 2)
    answer = api.delete_training_job_definition_version(organization, "definition", 2)
    assert answer == {"message": "deleted"}
    assert kit.http("GET", address).status == 404
    assert numbers(kit) == [1]
    assert api.get_training_job_definition(organization, "definition")["version_count"] == 1
    kit.refused(404, api.get_training_job_definition_version, organization, "definition", 2)
    kit.refused(404, api.delete_training_job_definition_version, organization, "definition", 2)
    kit.refused(404, api.create_training_job, organization, "definition", 2)
    assert made_version(kit, "definition")["job_definition_version"] == 3
    assert numbers(kit) == [1, 3]


def check_source_from_files(kit: Kit) -> None:
    """The archive that the platform keeps has each file under its own name, without folders: so the SDK packs it."""
    made_definition(kit)
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "inner"))
        paths = [os.path.join(folder, "train.py"), os.path.join(folder, "inner", "data.txt")]
        for path in paths:
            with open(path, "w") as file:
                file.write(os.path.basename(path))
        kit.api("train").create_training_job_definition_version(
            kit.organization, "definition", filepaths=paths, handler="train:handler"
        )
    made_version(kit, "definition")
    assert source_files(kit, 1) == {"train.py": b"train.py", "data.txt": b"data.txt"}
    assert source_files(kit, 2) == {"train.py": IDLE.encode()}


def check_source_as_an_archive(kit: Kit) -> None:
    """An archive is kept as it is sent, with its folders; what is none is refused, and no number is used up."""
    api, organization = kit.api("training"), kit.organization
    create = api.create_training_job_definition_version_native_api
    made_definition(kit)
    sent = io.BytesIO()
    with zipfile.ZipFile(sent, "w") as archive:
        archive.writestr("package/train.py", IDLE)
    sent.seek(0)
    parameters = {"handler": "package.train:handler", "image": IMAGE, "environment": {"A": "b"}}
    kit.refused(400, create, organization, "definition", io.BytesIO(b"no archive"), parameters)
    created = create(organization, "definition", sent, parameters)
    assert (created["job_definition_version"], created["handler"]) == (1, "package.train:handler")
    assert created["environment"] == {"A": "b"}
    assert source_files(kit, 1) == {"package/train.py": IDLE.encode()}
    assert api.get_training_job_definition_version(organization, "definition", 1) == created


def check_source_in_base64(kit: Kit) -> None:
    """The first SDKs may send a version as JSON with its archive in base64; what is no base64 is refused."""
    made_definition(kit)
    sent = io.BytesIO()
    with zipfile.ZipFile(sent, "w") as archive:
        archive.writestr("train.py", IDLE)
    parameters = {"handler": "train:handler", "image": IMAGE, "datasets": {"train": "1111111111111"}}
    encoded = dict(parameters, source_code_base64=base64.b64encode(sent.getvalue()).decode())
    path = "/organizations/{org}/training/definitions/definition/versions"
    assert kit.http("POST", path, dict(parameters, source_code_base64="***")).status == 400
    assert kit.http("POST", path, parameters).status == 400
    create = kit.api("train").create_training_job_definition_version
    try:
        kit.takes(create, "params")
        created = create(kit.organization, "definition", params=encoded)
    except Absent:
        created = kit.http("POST", path, encoded).json
    assert (created["job_definition_version"], created["datasets"]) == (1, {"train": "1111111111111"})
    assert source_files(kit, 1) == {"train.py": IDLE.encode()}
    assert numbers(kit) == [1]


def check_describing_a_version(kit: Kit) -> None:
    """Its description is all that changes of it."""
    api, organization = kit.api("training"), kit.organization
    made_definition(kit, versions=2)
    before = api.get_training_job_definition_versions(organization, "definition")["entries"]
    changed = api.patch_training_job_definition_version(organization, "definition", 2, "better words")
    assert changed["modified_at"] > before[1]["modified_at"]
    assert changed == dict(before[1], description="better words", modified_at=changed["modified_at"])
    after = api.get_training_job_definition_versions(organization, "definition")["entries"]
    assert after == [before[0], changed]
    kit.refused(400, api.patch_training_job_definition_version, organization, "definition", 2, "x" * 257)
    kit.refused(404, api.patch_training_job_definition_version, organization, "definition", 3, "words")
    assert api.get_training_job_definition_version(organization, "definition", 2) == changed


def check_archiving_a_version(kit: Kit) -> None:
    """An archived version is listed only where it is asked for and takes no jobs; it can come back."""
    api, organization = kit.api("training"), kit.organization
    made_definition(kit, versions=2)
    answer = api.archive_training_job_definition_version(organization, "definition", 1)
    assert answer == {"message": "archived"}
    assert api.get_training_job_definition_version(organization, "definition", 1)["archived"] is True
    assert numbers(kit) == numbers(kit, filter_archived=True) == [2]
    assert numbers(kit, filter_archived=False) == [1, 2]
    kit.refused(409, api.create_training_job, organization, "definition", 1)
    answer = api.unarchive_training_job_definition_version(organization, "definition", 1)
    assert answer == {"message": "unarchived"}
    assert api.get_training_job_definition_version(organization, "definition", 1)["archived"] is False
    assert numbers(kit) == [1, 2]
    kit.refused(404, api.archive_training_job_definition_version, organization, "definition", 3)
    kit.refused(404, api.unarchive_training_job_definition_version, organization, "definition", 3)


def check_versions_that_could_not_run(kit: Kit) -> None:
    """An image that no client can read, a variable that none can be or that is the platform's: no version is made."""
    made_definition(kit)
    kit.refused(400, made_version, kit, "definition", image="no-repository")
    kit.refused(400, made_version, kit, "definition", environment={"not a name": "x"})
    kit.refused(400, made_version, kit, "definition", environment={"TRAINING_JOB_ID": "1"})
    kit.refused(400, made_version, kit, "definition", description="x" * 257)
    kit.refused(404, made_version, kit, "no such definition")
    assert numbers(kit) == []
    assert made_version(kit, "definition", image=None)["image"]
    assert numbers(kit) == [1]
