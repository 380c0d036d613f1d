"""Buckets and their files."""

import io
import os
import tempfile

from .kit import Kit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def new_bucket(kit: Kit, name: str = "photos") -> str:
    """Create a bucket and return its id."""
    made = kit.api("datalake").create_bucket(kit.organization, name, "what cameras see")
    return str(made["bucket"]["bucket_id"])


def entries(kit: Kit, bucket: str, target_dir: str = "/") -> "dict[str, Any]":
    """Return what is in a directory, by id."""
    listed = kit.api("datalake").list_bucket_files(kit.organization, bucket, target_dir=target_dir)
    return {each["file_id"]: each for each in listed["files"]}


def check_life_of_a_bucket(kit: Kit) -> None:
    """What is created is shown and listed, changes, and is archived and back."""
    api, organization = kit.api("datalake"), kit.organization
    assert api.list_buckets(organization)["buckets"] == []
    made = api.create_bucket(organization, "photos", "what cameras see")
    bucket = made["bucket"]
    assert made["organization_id"] == organization
    assert (bucket["name"], bucket["description"]) == ("photos", "what cameras see")
    assert api.get_bucket(organization, bucket["bucket_id"])["bucket"] == bucket
    assert api.list_buckets(organization)["buckets"] == [bucket]
    changed = api.patch_bucket(organization, bucket["bucket_id"], name="pictures")["bucket"]
    assert (changed["name"], changed["description"]) == ("pictures", "what cameras see")
    assert api.get_bucket(organization, bucket["bucket_id"])["bucket"] == changed
    assert api.archive_bucket(organization, bucket["bucket_id"])["bucket"]["archived"] is True
    assert api.get_bucket(organization, bucket["bucket_id"])["bucket"]["archived"] is True
    assert api.list_buckets(organization)["buckets"] == []
    assert api.unarchive_bucket(organization, bucket["bucket_id"])["bucket"]["archived"] is False
    assert [each["bucket_id"] for each in api.list_buckets(organization)["buckets"]] == [bucket["bucket_id"]]
    kit.refused(404, api.get_bucket, organization, "1999999999999")


def check_pages_of_buckets(kit: Kit) -> None:
    """A list is cut by limit and offset, in order of creation."""
    api, organization = kit.api("datalake"), kit.organization
    made = [new_bucket(kit, name) for name in "cab"]
    page = api.list_buckets(organization, limit=2, offset=1)
    assert [each["bucket_id"] for each in page["buckets"]] == made[1:]
    assert page["has_next"] is False
    assert api.list_buckets(organization, limit=2)["has_next"] is True


def check_a_file(kit: Kit) -> None:
    """A file has its size, its etag and its content, and the next one of its path replaces it."""
    api, organization, bucket = kit.api("datalake"), kit.organization, new_bucket(kit)
    etags = {b"meow": "4a4be40c96ac6314e91d93f38043a634", b"purr, purr": "0e7a2bb35dfda4ff92bd329e9b327f5c"}
    for data, etag in etags.items():
        made = api.upload_bucket_file(organization, bucket, io.BytesIO(data), "cat.txt", "text/plain")
        assert (made["file_id"], made["content_type"]) == ("cat.txt", "text/plain")
        file = api.get_bucket_file(organization, bucket, "cat.txt")
        assert (file["file_id"], file["is_file"], file["size"]) == ("/cat.txt", True, len(data))
        assert file["etag"] == etag
        assert kit.http("GET", file["download_uri"]).body == data
        assert list(entries(kit, bucket)) == ["/cat.txt"]
    kit.refused(404, api.get_bucket_file, organization, bucket, "dog.txt")
    kit.refused(404, api.upload_bucket_file, organization, "1999999999999", io.BytesIO(b"x"), "a", None)


def check_paths(kit: Kit) -> None:
    """Paths of any characters are listed directory by directory, in their order."""
    api, organization, bucket = kit.api("datalake"), kit.organization, new_bucket(kit)
    for path in ("b/c/d", "b/写真 1.jpg", "b.txt", "a%2Fb", "z"):
        content = io.BytesIO(path.encode())
        assert api.upload_bucket_file(organization, bucket, content, path, None)["file_id"] == path
    root = entries(kit, bucket)
    assert list(root) == ["/a%2Fb", "/b.txt", "/b/", "/z"]
    assert [each["is_file"] for each in root.values()] == [True, True, False, True]
    inside = entries(kit, bucket, "/b/")
    assert list(inside) == ["/b/c/", "/b/写真 1.jpg"]
    assert kit.http("GET", inside["/b/写真 1.jpg"]["download_uri"]).body == "b/写真 1.jpg".encode()
    assert kit.http("GET", root["/a%2Fb"]["download_uri"]).body == b"a%2Fb"
    for path in ("b/c/d", "/b/c/d"):
        file = api.get_bucket_file(organization, bucket, path)
        assert file["file_id"] == "/b/c/d"
        assert kit.http("GET", file["download_uri"]).body == b"b/c/d"
    for path in ("/a", "a/../b"):
        kit.refused(400, api.upload_bucket_file, organization, bucket, io.BytesIO(b"x"), path, None)


def check_pages_of_files(kit: Kit) -> None:
    """Each page begins behind the last id of the one before, and an empty one is the end."""
    api, organization, bucket = kit.api("datalake"), kit.organization, new_bucket(kit)
    for number in range(5):
        api.upload_bucket_file(organization, bucket, io.BytesIO(b"x"), str(number), None)
    found = []  # type: list[str]
    last = None
    for size in (2, 2, 1, 0):
        page = api.list_bucket_files(organization, bucket, items_per_page=2, last_file_id=last)
        assert len(page["files"]) == size
        found += [each["file_id"] for each in page["files"]]
        last = page["last_file_id"]
    assert last is None
    assert found == ["/0", "/1", "/2", "/3", "/4"]


def check_a_folder(kit: Kit) -> None:
    """A folder is uploaded with what is in it, but for what is hidden, and to no bucket that is not there."""
    api, organization, bucket = kit.api("datalake"), kit.organization, new_bucket(kit)
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "sub"))
        for path in ("top.txt", "sub/a.bin", "sub/.hidden"):
            with open(os.path.join(folder, path), "w") as file:
                file.write(path)
        assert api.upload_bucket_files(organization, bucket, folder)["status"] is True
        told = api.upload_bucket_files(organization, "1999999999999", folder)
    assert told["status"] is False
    assert len(told["error_messages"]) == 2
    assert list(entries(kit, bucket)) == ["/sub/", "/top.txt"]
    inside = entries(kit, bucket, "/sub/")
    assert list(inside) == ["/sub/a.bin"]
    assert inside["/sub/a.bin"]["metadata"] == {"x-abeja-meta-filename": "sub/a.bin"}
    assert kit.http("GET", inside["/sub/a.bin"]["download_uri"]).body == b"sub/a.bin"


def check_metadata(kit: Kit) -> None:
    """What the SDK encodes it gets back decoded."""
    api, organization, bucket = kit.api("datalake"), kit.organization, new_bucket(kit)
    metadata = {"x-abeja-meta-filename": "写真/猫.jpg", "x-abeja-meta-label": "a & b"}
    made = api.upload_bucket_file(organization, bucket, io.BytesIO(b"x"), "a", None, metadata=metadata)
    assert made["metadata"] == metadata
    assert entries(kit, bucket)["/a"]["metadata"] == metadata


def check_lifetime(kit: Kit) -> None:
    """A file says how long it will live; a term that there is not is refused."""
    api, organization, bucket = kit.api("datalake"), kit.organization, new_bucket(kit)
    made = api.upload_bucket_file(organization, bucket, io.BytesIO(b"x"), "a", None, lifetime="1week")
    assert made["lifetime"] == "1week"
    kit.refused(400, api.upload_bucket_file, organization, bucket, io.BytesIO(b"x"), "b", None, lifetime="for ever")
    assert list(entries(kit, bucket)) == ["/a"]
