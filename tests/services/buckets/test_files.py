"""Files of buckets: uploaded under a path, listed by directory, downloaded, gone when their time is over."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest

from abeja_emulator.services.datalake.files import LIFETIMES
from tests.platform_calls import LARGE
from tests.services.wire import API, OFFSET_SECONDS, Wire, bare, check_answer, check_refusal

if TYPE_CHECKING:
    from pathlib import Path

    from abeja.datalake.api.client import APIClient

    from abeja_emulator.platform import Platform


def listed(api: APIClient, organization: str, bucket: str, target_dir: str = "/") -> dict[str, Any]:
    """Return what is in a directory, by id."""
    answer = api.list_bucket_files(organization, bucket, target_dir)
    check_answer("list_bucket_files", answer)
    return {entry["file_id"]: entry for entry in answer["files"]}


def content(entry: dict[str, Any]) -> bytes:
    """Return what is behind the signed URL of a file, which needs no credential."""
    response = bare("GET", entry["download_uri"])
    assert response.status_code == 200, response.text
    return response.content


class TestUpload:
    """POST …/buckets/{bucket_id}/files."""

    def test_answer(self, api: APIClient, organization: str, bucket: str) -> None:
        """It shows the path as it was sent, and not when it was uploaded, as documented."""
        answer = api.upload_bucket_file(
            organization, bucket, io.BytesIO(b"meow"), "dir/cat.jpg", "image/jpeg", lifetime="1day"
        )
        check_answer("upload_bucket_file", answer)
        assert (answer["file_id"], answer["content_type"]) == ("dir/cat.jpg", "image/jpeg")
        assert (answer["lifetime"], answer["uploaded_at"]) == ("1day", None)

    @pytest.mark.parametrize(
        "path", ["a", "dir/sub/a.txt", "写真/猫 1.jpg", "a%2Fb", "100%", 'a"b', "a;b=c", "a?b#c", "..a"]
    )
    def test_path(self, api: APIClient, organization: str, bucket: str, path: str) -> None:
        """Whatever a path is made of: it is the id, in the list with a slash in front, and the content is behind it."""
        assert api.upload_bucket_file(organization, bucket, io.BytesIO(b"x"), path, None)["file_id"] == path
        folder = path.rpartition("/")[0]
        entries = listed(api, organization, bucket, folder)
        assert list(entries) == [f"/{path}"]
        assert content(entries[f"/{path}"]) == b"x"

    def test_file(self, platform: Platform, api: APIClient, organization: str, bucket: str) -> None:
        """A file shows its size, its MD5 as etag, its time, and a URL that is good for an hour."""
        api.upload_bucket_file(organization, bucket, io.BytesIO(b"meow"), "cat.txt", "text/plain")
        entry = listed(api, organization, bucket)["/cat.txt"]
        assert entry == api.get_bucket_file(organization, bucket, "cat.txt")
        check_answer("get_bucket_file", entry)
        assert (entry["is_file"], entry["size"]) == (True, 4)
        assert entry["etag"] == hashlib.md5(b"meow", usedforsecurity=False).hexdigest()
        assert entry["uploaded_at"] == entry["last_modified"]
        assert OFFSET_SECONDS.fullmatch(entry["uploaded_at"])
        assert entry["url_expires_on"] > entry["uploaded_at"]
        assert bare("GET", entry["download_uri"]).headers["Content-Type"] == "text/plain"
        platform.clock.advance(3601)
        check_refusal(bare("GET", entry["download_uri"]), 403, "expired")
        # The command line asks for a fresh one then.
        assert content(api.get_bucket_file(organization, bucket, "cat.txt")) == b"meow"

    @pytest.mark.parametrize("size", [0, LARGE, LARGE * 5])
    def test_large(
        self, api: APIClient, organization: str, bucket: str, monkeypatch: pytest.MonkeyPatch, size: int
    ) -> None:
        """What went over the disk has the same size, etag and content as what did not; nothing at all is a file too."""
        monkeypatch.setattr("abeja_emulator.store.blobs.SPILL", LARGE)
        data = bytes(range(256)) * (size // 256 + 1)
        data = data[:size]
        api.upload_bucket_file(organization, bucket, io.BytesIO(data), "a", None)
        entry = listed(api, organization, bucket)["/a"]
        assert (entry["size"], entry["etag"]) == (size, hashlib.md5(data, usedforsecurity=False).hexdigest())
        assert content(entry) == data

    def test_again(self, platform: Platform, api: APIClient, organization: str, bucket: str) -> None:
        """A second upload to one path replaces the file, its type and lifetime too, and the old content is let go."""
        api.upload_bucket_file(organization, bucket, io.BytesIO(b"first"), "a", "text/plain", lifetime="1day")
        old = listed(api, organization, bucket)["/a"]
        platform.clock.advance(5)
        api.upload_bucket_file(organization, bucket, io.BytesIO(b"other, longer"), "a", "image/png")
        assert platform.world.store.blobs.size == len(b"other, longer")
        (new,) = listed(api, organization, bucket).values()
        assert new["uploaded_at"] > old["uploaded_at"]
        assert (new["size"], content(new)) == (13, b"other, longer")
        assert content(old) == b"other, longer"
        assert bare("GET", new["download_uri"]).headers["Content-Type"] == "image/png"
        platform.clock.advance(2 * 86_400)
        assert list(listed(api, organization, bucket)) == ["/a"]
        api.upload_bucket_file(organization, bucket, io.BytesIO(b"last"), "a", None, lifetime="1day")
        platform.clock.advance(2 * 86_400)
        assert listed(api, organization, bucket) == {}

    def test_same_content(self, api: APIClient, organization: str, bucket: str) -> None:
        """Two files of one content are two: when one is replaced, the other still has it."""
        for path in ("a", "b", "a"):
            api.upload_bucket_file(organization, bucket, io.BytesIO(b"same"), path, None)
        api.upload_bucket_file(organization, bucket, io.BytesIO(b"new"), "a", None)
        entries = listed(api, organization, bucket)
        assert [content(entry) for entry in entries.values()] == [b"new", b"same"]

    def test_buckets_are_apart(self, api: APIClient, organization: str, bucket: str) -> None:
        """One path in two buckets is two files."""
        other = api.create_bucket(organization, "other", "")["bucket"]["bucket_id"]
        for each, data in ((bucket, b"ours"), (other, b"theirs")):
            api.upload_bucket_file(organization, each, io.BytesIO(data), "a", None)
        assert content(listed(api, organization, bucket)["/a"]) == b"ours"
        assert content(listed(api, organization, other)["/a"]) == b"theirs"

    def test_folder(self, api: APIClient, organization: str, bucket: str, tmp_path: Path) -> None:
        """The SDK uploads a folder with the directories in it, but for what is hidden."""
        for path in ("top.txt", "sub/deep/a.bin", "sub/.hidden", ".git/config"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(path)
        answer = api.upload_bucket_files(organization, bucket, str(tmp_path))
        assert answer == {"error_messages": [], "status": True}
        root = listed(api, organization, bucket)
        assert {name: entry["is_file"] for name, entry in root.items()} == {"/sub/": False, "/top.txt": True}
        assert list(listed(api, organization, bucket, "/sub/")) == ["/sub/deep/"]
        assert content(listed(api, organization, bucket, "sub/deep")["/sub/deep/a.bin"]) == b"sub/deep/a.bin"

    @pytest.mark.parametrize("path", ["/a", "a/", "a//b", ".", "..", "a/../b", "./a", "/"])
    def test_wrong_path(self, wire: Wire, organization: str, bucket: str, path: str) -> None:
        """What the SDK would not send is 400, and no file."""
        check_refusal(upload(wire, bucket, path), 400, "path")
        assert wire("GET", f"/organizations/{organization}/buckets/{bucket}/files").json()["files"] == []

    @pytest.mark.parametrize(
        ("parameters", "words"),
        [('{"lifetime": "2days"}', "1week"), ('{"lifetime": 1}', "lifetime"), ("[]", "parameters"), ("{", "JSON")],
    )
    def test_wrong_parameters(self, platform: Platform, wire: Wire, bucket: str, parameters: str, words: str) -> None:
        """What is no parameters is 400, and nothing of the file is kept."""
        check_refusal(upload(wire, bucket, "a", parameters), 400, words)
        assert platform.world.store.blobs.size == 0

    def test_no_form(self, wire: Wire, bucket: str) -> None:
        """A body that is no form, or lacks a part or the name of the file, is 400."""
        path = f"/organizations/{{org}}/buckets/{bucket}/files"
        check_refusal(wire("POST", path, data=b"x"), 400, "multipart")
        check_refusal(wire("POST", path, files={"parameters": ("p.json", "{}")}), 400, "'file'")
        check_refusal(
            wire("POST", path, files={"file": (None, b"x"), "parameters": ("p.json", "{}")}), 400, "file name"
        )


class TestLifetime:
    """A file that is to live for so long."""

    @pytest.mark.parametrize("lifetime", LIFETIMES)
    def test_ends(self, platform: Platform, api: APIClient, organization: str, bucket: str, lifetime: str) -> None:
        """It is there until then, and nowhere afterwards, its content neither; one without lifetime stays."""
        for path, term in (("stays", None), ("goes", lifetime)):
            api.upload_bucket_file(organization, bucket, io.BytesIO(path.encode()), path, None, lifetime=term)
        platform.clock.advance(LIFETIMES[lifetime].total_seconds() - 60)
        going = listed(api, organization, bucket)["/goes"]
        assert content(going) == b"goes"
        platform.clock.advance(120)
        assert list(listed(api, organization, bucket)) == ["/stays"]
        assert platform.world.store.blobs.size == len(b"stays")
        check_refusal(bare("GET", going["download_uri"]), 404, "goes")
        with pytest.raises(abeja.exceptions.NotFound, match="goes"):
            api.get_bucket_file(organization, bucket, "goes")
        api.upload_bucket_file(organization, bucket, io.BytesIO(b"anew"), "goes", None)
        assert content(listed(api, organization, bucket)["/goes"]) == b"anew"


class TestGet:
    """One file, and its content."""

    def test_unknown(self, api: APIClient, organization: str, bucket: str) -> None:
        """A file that is not there is 404, and a directory is no file."""
        api.upload_bucket_file(organization, bucket, io.BytesIO(b"x"), "dir/a", None)
        for file_id in ("b", "dir"):
            with pytest.raises(abeja.exceptions.NotFound, match=f"no file '{file_id}'"):
                api.get_bucket_file(organization, bucket, file_id)

    def test_encoded_path(self, wire: Wire, api: APIClient, organization: str, bucket: str) -> None:
        """A path whose slashes are percent-encoded is the same path, with one in front too."""
        api.upload_bucket_file(organization, bucket, io.BytesIO(b"x"), "dir/a", None)
        for path in ("dir%2Fa", "%2Fdir%2Fa"):
            assert wire("GET", f"/organizations/{{org}}/buckets/{bucket}/files/{path}").json()["file_id"] == "/dir/a"

    def test_signature(self, api: APIClient, organization: str, bucket: str) -> None:
        """The URL of one file opens no other one, and no other method."""
        for path in ("a", "b"):
            api.upload_bucket_file(organization, bucket, io.BytesIO(b"x"), path, None)
        url = listed(api, organization, bucket)["/a"]["download_uri"]
        assert url.startswith(API)
        check_refusal(bare("GET", url.replace(f"{bucket}/a?", f"{bucket}/b?")), 403, "signature")
        check_refusal(bare("DELETE", url), 405)


def upload(wire: Wire, bucket: str, path: str, parameters: str = "{}") -> Any:
    """Upload a file as the SDK does, and without its checks."""
    return wire(
        "POST",
        f"/organizations/{{org}}/buckets/{bucket}/files",
        files={"file": (path, b"x"), "parameters": ("params.json", parameters, "application/json")},
    )
