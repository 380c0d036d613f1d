"""Files that are asked for by a path with slashes, and their metadata, which travel outside of the form."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import abeja.exceptions
import pytest

from tests.services.wire import Wire, bare, check_answer, check_refusal

if TYPE_CHECKING:
    from pathlib import Path

    from abeja.datalake.api.client import APIClient


class TestPath:
    """GET …/buckets/{bucket_id}/files/{file_id}, whose id is not escaped by any client."""

    @pytest.mark.parametrize("path", ["a", "dir/a.txt", "dir/sub/deep/a", "写真/猫 1.jpg", "a/files/b", "a/b?c#d"])
    @pytest.mark.parametrize("slash", ["", "/"])
    def test_get(self, api: APIClient, organization: str, bucket: str, path: str, slash: str) -> None:
        """As an upload names it and as a list does, with a slash in front: one file."""
        api.upload_bucket_file(organization, bucket, io.BytesIO(path.encode()), path, "text/plain")
        asked = (slash + path).replace("?", "%3F").replace("#", "%23")
        file = api.get_bucket_file(organization, bucket, asked)
        check_answer("get_bucket_file", file)
        assert file["file_id"] == f"/{path}"
        assert bare("GET", file["download_uri"]).content == path.encode()

    @pytest.mark.parametrize("path", ["dir", "dir/", "dir/b", "dir/a/c", "/dir"])
    def test_unknown(self, api: APIClient, organization: str, bucket: str, path: str) -> None:
        """Neither a directory nor what is beside or behind a file is one: 404 of the bucket, not of the API."""
        api.upload_bucket_file(organization, bucket, io.BytesIO(b"x"), "dir/a", None)
        with pytest.raises(abeja.exceptions.NotFound, match=f"bucket {bucket} has no file"):
            api.get_bucket_file(organization, bucket, path)

    def test_no_other_method(self, wire: Wire, bucket: str) -> None:
        """Files are neither changed nor deleted."""
        check_refusal(wire("DELETE", f"/organizations/{{org}}/buckets/{bucket}/files/dir/a"), 405, "GET")


class TestMetadata:
    """Headers `x-abeja-meta-…` of an upload."""

    def test_round_trip(self, api: APIClient, organization: str, bucket: str) -> None:
        """What the SDK encodes it gets back decoded, from the upload and from the list; one file shows it as sent."""
        metadata = {"x-abeja-meta-filename": "写真/猫.jpg", "x-abeja-meta-ラベル": "猫 & 犬", "x-abeja-meta-n": 1}
        made = api.upload_bucket_file(organization, bucket, io.BytesIO(b"x"), "cat", None, metadata=metadata)
        check_answer("upload_bucket_file", made)
        shown = {name: str(value) for name, value in metadata.items()}
        assert made["metadata"] == shown
        assert api.list_bucket_files(organization, bucket)["files"][0]["metadata"] == shown
        encoded = api.get_bucket_file(organization, bucket, "cat")["metadata"]
        assert encoded["x-abeja-meta-filename"] == "%E5%86%99%E7%9C%9F/%E7%8C%AB.jpg"
        assert len(encoded) == len(shown)

    def test_replaced_with_the_file(self, api: APIClient, organization: str, bucket: str) -> None:
        """Metadata belongs to what was uploaded with it."""
        for metadata in ({"x-abeja-meta-a": "1"}, {"x-abeja-meta-b": "2"}):
            api.upload_bucket_file(organization, bucket, io.BytesIO(b"x"), "cat", None, metadata=metadata)
        assert api.list_bucket_files(organization, bucket)["files"][0]["metadata"] == {"x-abeja-meta-b": "2"}

    def test_of_a_folder(self, api: APIClient, organization: str, bucket: str, tmp_path: Path) -> None:
        """The SDK notes the path of each file of a folder."""
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "a.txt").write_text("a")
        api.upload_bucket_files(organization, bucket, str(tmp_path))
        (entry,) = api.list_bucket_files(organization, bucket, "sub")["files"]
        assert entry["metadata"] == {"x-abeja-meta-filename": "sub/a.txt"}

    def test_raw_bytes(self, wire: Wire, bucket: str) -> None:
        """What is not ASCII, as curl sends it, is shown percent-encoded, which the SDK decodes."""
        answer = wire(
            "POST",
            f"/organizations/{{org}}/buckets/{bucket}/files",
            files={"file": ("a", b"x"), "parameters": ("params.json", "{}", "application/json")},
            headers={"X-ABEJA-meta-Name": "猫".encode(), "X-Other": "no"},
        ).json()
        assert answer["metadata"] == {"x-abeja-meta-name": "%E7%8C%AB"}
