"""Listing a bucket: directories, order and pages, as the SDK walks through it and as the command line does."""

from __future__ import annotations

import io
from collections import deque
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.wire import Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.datalake.api.client import APIClient

PATHS = st.lists(st.sampled_from("ab-é"), min_size=1, max_size=3).map("/".join)


def put(api: APIClient, organization: str, bucket: str, *paths: str) -> None:
    """Upload a file to each path."""
    for path in paths:
        api.upload_bucket_file(organization, bucket, io.BytesIO(b"x"), path, None)


def ids(answer: dict[str, Any]) -> list[str]:
    """Return the ids of a page."""
    check_answer("list_bucket_files", answer)
    last = answer["files"][-1]["file_id"] if answer["files"] else None
    assert answer["last_file_id"] == answer["next_start_after"] == last
    return [entry["file_id"] for entry in answer["files"]]


class TestDirectories:
    """What is in one."""

    def test_entries(self, api: APIClient, organization: str, bucket: str) -> None:
        """Files and directories directly inside, in the order of paths; a directory has an id and nothing else."""
        put(api, organization, bucket, "z", "b/c/d", "b/a", "b.txt", "a/x", "b/c/e")
        root = api.list_bucket_files(organization, bucket)
        assert ids(root) == ["/a/", "/b.txt", "/b/", "/z"]
        assert root["files"][0] == {"file_id": "/a/", "is_file": False}
        assert [entry["is_file"] for entry in root["files"]] == [False, True, False, True]
        assert ids(api.list_bucket_files(organization, bucket, "/b/c/")) == ["/b/c/d", "/b/c/e"]

    @pytest.mark.parametrize("target_dir", ["/b/", "/b", "b/", "b"])
    def test_slashes(self, api: APIClient, organization: str, bucket: str, target_dir: str) -> None:
        """A directory is meant with slashes around it and without; one that only begins like it is another."""
        put(api, organization, bucket, "b/a", "bb/a", "b/c/d")
        assert ids(api.list_bucket_files(organization, bucket, target_dir)) == ["/b/a", "/b/c/"]

    @pytest.mark.parametrize("target_dir", ["/none/", "/a/", "/../", "/./"])
    def test_that_is_not_there(self, api: APIClient, organization: str, bucket: str, target_dir: str) -> None:
        """It is empty; a file is no directory."""
        put(api, organization, bucket, "a")
        assert ids(api.list_bucket_files(organization, bucket, target_dir)) == []

    def test_root_is_the_default(self, wire: Wire, api: APIClient, organization: str, bucket: str) -> None:
        """And an empty name is the root too."""
        put(api, organization, bucket, "a", "b/c")
        for query in ("", "?target_dir=", "?target_dir=/"):
            assert ids(wire("GET", f"/organizations/{{org}}/buckets/{bucket}/files{query}").json()) == ["/a", "/b/"]

    def test_file_and_directory_of_one_name(self, api: APIClient, organization: str, bucket: str) -> None:
        """Object stores have both."""
        put(api, organization, bucket, "a/b", "a")
        assert ids(api.list_bucket_files(organization, bucket)) == ["/a", "/a/"]


class TestPages:
    """Parts of a directory."""

    @given(paths=st.sets(PATHS, max_size=8), size=st.integers(1, 5))
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_walks(self, api: APIClient, wire: Wire, organization: str, paths: set[str], size: int) -> None:
        """As the command line and as the SDK page through it: every file once, in order, and both come to an end."""
        bucket = api.create_bucket(organization, "", "")["bucket"]["bucket_id"]
        put(api, organization, bucket, *paths)
        found = as_the_command_line(wire, bucket, size)
        assert sorted(found) == sorted(f"/{path}" for path in paths)
        root: list[str] = []
        while page := ids(api.list_bucket_files(organization, bucket, "/", size, root[-1] if root else None)):
            assert len(page) <= size
            root += page
        assert root == sorted({f"/{path.partition('/')[0]}{'/' if '/' in path else ''}" for path in paths})

    @pytest.mark.parametrize("name", ["last_file_id", "start_after"])
    @pytest.mark.parametrize(
        ("after", "found"),
        [
            ("/b", ["/b/", "/c"]),
            ("b", ["/b/", "/c"]),
            ("/bb", ["/c"]),
            ("/b/", ["/c"]),
            ("/c", []),
            ("", ["/a", "/b", "/b/", "/c"]),
        ],
    )
    def test_after(
        self, wire: Wire, api: APIClient, organization: str, bucket: str, name: str, after: str, found: list[str]
    ) -> None:
        """A page begins behind an id, with a slash in front or without, be there such a file or not."""
        put(api, organization, bucket, "c", "b", "a", "b/x")
        path = f"/organizations/{{org}}/buckets/{bucket}/files"
        assert ids(wire("GET", path, params={name: after}).json()) == found

    def test_changes_meanwhile(self, api: APIClient, organization: str, bucket: str) -> None:
        """A file that comes or is replaced between two pages neither hides nor repeats another one."""
        put(api, organization, bucket, "a", "b", "d")
        first = api.list_bucket_files(organization, bucket, items_per_page=2)
        put(api, organization, bucket, "aa", "b", "c")
        second = api.list_bucket_files(organization, bucket, items_per_page=2, last_file_id=first["last_file_id"])
        assert ids(first) + ids(second) == ["/a", "/b", "/c", "/d"]

    def test_size(self, api: APIClient, organization: str, bucket: str) -> None:
        """A page has 100 entries unless the client says otherwise."""
        put(api, organization, bucket, *(f"{number:03}" for number in range(101)))
        page = ids(api.list_bucket_files(organization, bucket))
        assert page == [f"/{number:03}" for number in range(100)]
        assert len(ids(api.list_bucket_files(organization, bucket, items_per_page=1000))) == 101

    @pytest.mark.parametrize("query", ["items_per_page=0", "items_per_page=x", "items_per_page=-1"])
    def test_wrong(self, wire: Wire, bucket: str, query: str) -> None:
        """What is no number of files is 400."""
        path = f"/organizations/{{org}}/buckets/{bucket}/files?{query}"
        check_refusal(wire("GET", path), 400, "items_per_page")

    def test_search_is_not_emulated(self, wire: Wire, bucket: str) -> None:
        """A search is 501 and says so, where another answer would be a guess; clients do not retry that."""
        path = f"/organizations/{{org}}/buckets/{bucket}/files"
        check_refusal(
            wire("GET", path, params={"q": "Contents[?Size > `1`]"}), 501, "not emulated", "JMESPath", "leave q out"
        )


def as_the_command_line(wire: Wire, bucket: str, size: int) -> list[str]:
    """Return the files as `abejacli bucket download` finds them (`abejacli/bucket/__init__.py`)."""
    params: dict[str, Any] = {"target_dir": "/", "items_per_page": size}
    queue: deque[str] = deque()
    found = []
    for _ in range(100):
        answer = wire("GET", f"/organizations/{{org}}/buckets/{bucket}/files", params=params).json()
        if answer["files"]:
            found += [entry["file_id"] for entry in answer["files"] if entry["is_file"]]
            queue.extend(entry["file_id"] for entry in answer["files"] if not entry["is_file"])
            params["start_after"] = answer["next_start_after"]
        elif queue:
            params["target_dir"] = params["start_after"] = queue.popleft()
        else:
            return found
    message = "it does not come to an end"
    raise AssertionError(message)
