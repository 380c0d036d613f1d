"""The command line client keeps files in buckets: they are created, filled with folders, and fetched again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.services.buckets.records import BucketFile
from abeja_emulator.services.buckets.rules import Buckets
from tests.conformance.client import shows

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.server import Server
    from abeja_emulator.services.buckets.records import Bucket
    from tests.conformance.client import Abeja

#: What a person may put into a folder; the client leaves hidden files out.
FILES = {
    "cat.txt": "猫".encode(),
    "empty.bin": b"",
    "二 (2).txt": b"two",
    "deep/dog.jpg": bytes(range(256)) * 100,
    "deep/er/bird.txt": b"bird",
    ".hidden": b"not to be sent",
    "deep/.hidden": b"nor this",
}

#: Those of them that are sent.
SENT = {name: content for name, content in FILES.items() if not name.endswith(".hidden")}


def kept(server: Server) -> list[Bucket]:
    """Return the buckets of the default organization."""
    with server.platform.world.store.reading():
        return Buckets(server.platform.world).select(server.platform.organization.id, 0, 100, archived=True)[0]


def files(server: Server, bucket: str) -> dict[str, BucketFile]:
    """Return the files of a bucket: path → record."""
    store = server.platform.world.store
    with store.reading():
        return {each.file_id: each for each in store.table("bucket_file", BucketFile).slice(bucket)}


def contents(server: Server, bucket: str) -> dict[str, bytes]:
    """Return what is in a bucket: path → content."""
    return {path: server.platform.world.store.blobs.read(file.digest) for path, file in files(server, bucket).items()}


def found(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder: path → content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def bucket(server: Server) -> str:
    """The id of a bucket."""
    world = server.platform.world
    with world.store.transaction():
        return Buckets(world).create(server.platform.organization.id, "pictures").bucket_id


@pytest.fixture
def folder(abeja: Abeja) -> str:
    """A folder of files, in the working directory."""
    for name, content in FILES.items():
        abeja.write(f"mine/{name}", content)
    return "mine"


def test_create_and_describe(abeja: Abeja, server: Server) -> None:
    """A bucket is created with a name and a description, and shown alone and among the others."""
    answer = abeja("bucket", "create-bucket", "--name", "pictures", "--description", "絵").json
    (record,) = kept(server)
    shown = answer["bucket"]
    assert (shown["bucket_id"], shown["name"], shown["description"]) == (record.bucket_id, "pictures", "絵")
    shows(shown, record, "display_name", "security_method", "archived", zone="")
    assert (record.name, record.description) == ("pictures", "絵")
    plain = abeja("bucket", "create-bucket").json["bucket"]
    listed = abeja("bucket", "describe-buckets").json
    # The client shows the one in the place of the other, as it does with channels.
    assert listed["organization_name"] == listed["created_at"]
    assert listed["organization_id"] == server.platform.organization.id
    assert listed["buckets"] == [shown, plain]
    assert abeja("bucket", "describe-buckets", "--bucket_id", record.bucket_id).json["bucket"] == shown
    assert "404 Not Found" in abeja("bucket", "describe-buckets", "--bucket_id", "1999999999999", code=1).error


def test_upload(abeja: Abeja, server: Server, bucket: str, folder: str) -> None:
    """A folder is uploaded with all below it, but for what is hidden: paths, content, types and metadata."""
    abeja(
        *("bucket", "upload", "--bucket_id", bucket, "--recursive", "--retry", "no"),
        *("--metadata", "label:犬", "--save-result", "result.json", folder),
    )
    assert contents(server, bucket) == SENT
    kept = files(server, bucket)
    assert (kept["deep/dog.jpg"].content_type, kept["deep/dog.jpg"].metadata) == (
        "image/jpeg",
        {
            "x-abeja-meta-filename": "deep/dog.jpg",
            "x-abeja-meta-label": "%E7%8A%AC",
            "x-abeja-meta-x-abeja-meta-filename": "deep/dog.jpg",
        },
    )
    result = json.loads((abeja.folder / "result.json").read_text(encoding="utf-8"))
    assert {entry["source"]: entry["file_id"] for entry in result} == {f"{folder}/{path}": path for path in SENT}


def test_upload_of_a_part(abeja: Abeja, server: Server, bucket: str, folder: str) -> None:
    """Without `--recursive` it is what lies in the folder itself; a dry run names files and sends none."""
    upload = ("bucket", "upload", "--bucket_id", bucket)
    said = abeja(*upload, "--dry-run", "--recursive", folder)
    expected = ["[info] upload files:", *(f"    {folder}/{path}" for path in sorted(SENT))]
    assert said.out.splitlines() == expected
    assert files(server, bucket) == {}
    abeja(*upload, folder)
    assert set(files(server, bucket)) == {path for path in SENT if "/" not in path}


def test_what_is_no_folder(abeja: Abeja, server: Server, bucket: str, folder: str) -> None:
    """One file is not sent, though the client ends well; a hidden folder that it is not to look into is its end."""
    upload = ("bucket", "upload", "--bucket_id", bucket)
    abeja(*upload, f"{folder}/cat.txt")
    abeja.write(f"{folder}/.git/HEAD", "not to be sent")
    assert "cannot write result" in abeja(*upload, folder, code=1).error
    assert server.platform.calls("upload_bucket_file") == []


def test_a_bucket_that_is_not_there(abeja: Abeja, server: Server, bucket: str, folder: str) -> None:
    """An upload into it fails for each file, and still ends well; whoever is asked may try again."""
    upload = ("bucket", "upload", "--bucket_id", "1999999999999", folder)
    said = abeja(*upload, typed="n\n")
    assert "Upload failed for 3 file(s). Do you want to retry?" in said.out
    assert said.error.count("404 Client Error") == 3
    assert [call.status for call in server.platform.calls("upload_bucket_file")] == [404] * 3


def test_download(abeja: Abeja, server: Server, bucket: str, folder: str) -> None:
    """All comes back byte for byte, page by page, but what is there already; or those files that are named."""
    abeja("bucket", "upload", "--bucket_id", bucket, "--recursive", folder)
    download = ("bucket", "download", "--bucket_id", bucket, "--output_path")
    said = abeja(*download, "there", "--dry-run")
    assert sorted(said.out.splitlines()) == sorted(["[info] download files:", *(f"    /{path}" for path in SENT)])
    assert found(abeja.folder / "there") == {}
    abeja.write("there/cat.txt", "already here")
    abeja.variables["DATALAKE_ITEMS_PER_PAGE"] = "2"
    abeja(*download, "there")
    assert found(abeja.folder / "there") == {**SENT, "cat.txt": b"already here"}
    queries = [call.query for call in server.platform.calls("list_bucket_files")]
    assert any("items_per_page=2&start_after=%2Fdeep%2F" in query for query in queries)
    abeja(*download, "some", "--file_id", "deep/dog.jpg", "--file_id", "/cat.txt")
    assert found(abeja.folder / "some") == {path: SENT[path] for path in ("deep/dog.jpg", "cat.txt")}
    assert "404 Client Error" in abeja(*download, "some", "--file_id", "nope", code=1).error


def test_create_and_upload(abeja: Abeja, server: Server, folder: str) -> None:
    """A bucket is made of a folder; a dry run makes none."""
    create = ("bucket", "create-and-upload", "--name", "pictures", "--description", "絵", "--recursive", folder)
    abeja(*create, "--dry-run")
    assert kept(server) == []
    answer = abeja(*create, "--metadata", "label:cat").json["bucket"]
    (record,) = kept(server)
    assert (record.bucket_id, record.name, record.description) == (answer["bucket_id"], "pictures", "絵")
    assert contents(server, record.bucket_id) == SENT
    assert {file.metadata["x-abeja-meta-label"] for file in files(server, record.bucket_id).values()} == {"cat"}
