"""Buckets: what each operation changes in the answers of the others, and what is refused."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest

from tests.services.wire import PLATFORM_ID, ZULU_SECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.datalake.api.client import APIClient

    from abeja_emulator.platform import Platform

BUCKETS = "/organizations/{org}/buckets"


def check_envelope(platform: Platform, operation: str, answer: dict[str, Any]) -> Any:
    """Check that an answer has the organization around it, and return the bucket in it."""
    check_answer(operation, answer)
    organization = platform.organization
    assert (answer["organization_id"], answer["organization_name"]) == (organization.id, organization.name)
    assert (answer["created_at"], answer["updated_at"]) == (organization.created_at, organization.updated_at)
    return answer.get("bucket")


class TestEffects:
    """What one operation changes in the answers of the others."""

    def test_create(self, platform: Platform, api: APIClient, organization: str) -> None:
        """A new bucket shows what was sent, is found and is listed, with the times of its creation."""
        bucket = check_envelope(platform, "create_bucket", api.create_bucket(organization, "写真", "a description"))
        assert PLATFORM_ID.fullmatch(bucket["bucket_id"])
        assert ZULU_SECONDS.fullmatch(bucket["created_at"])
        assert bucket == {
            "bucket_id": bucket["bucket_id"],
            "name": "写真",
            "display_name": "写真",
            "description": "a description",
            "security_method": "organization",
            "archived": False,
            "created_at": bucket["created_at"],
            "updated_at": bucket["created_at"],
        }
        assert check_envelope(platform, "get_bucket", api.get_bucket(organization, bucket["bucket_id"])) == bucket
        listed = api.list_buckets(organization)
        check_envelope(platform, "list_buckets", listed)
        assert listed["buckets"] == [bucket]

    def test_create_with_nothing(self, wire: Wire) -> None:
        """Neither name nor description is needed, and two may have the same."""
        first, second = (wire("POST", BUCKETS, json={}).json()["bucket"] for _ in range(2))
        assert (first["name"], first["description"]) == (None, None)
        assert first["bucket_id"] != second["bucket_id"]

    def test_patch(self, platform: Platform, api: APIClient, organization: str, bucket: str) -> None:
        """What is given changes, everywhere, and what is not stays, the time of creation too."""
        before = api.get_bucket(organization, bucket)["bucket"]
        platform.clock.advance(2)
        changed = check_envelope(platform, "patch_bucket", api.patch_bucket(organization, bucket, name="new"))
        assert changed["updated_at"] > before["updated_at"]
        assert changed == {**before, "name": "new", "display_name": "new", "updated_at": changed["updated_at"]}
        again = api.patch_bucket(organization, bucket, name="", description="other")["bucket"]
        assert (again["name"], again["description"]) == ("new", "other")
        assert api.get_bucket(organization, bucket)["bucket"] == again
        assert api.list_buckets(organization)["buckets"] == [again]

    def test_archive(self, platform: Platform, api: APIClient, wire: Wire, organization: str, bucket: str) -> None:
        """An archived bucket is not listed unless asked for, keeps its files and takes more, and comes back."""
        kept = api.create_bucket(organization, "kept", "")["bucket"]["bucket_id"]
        api.upload_bucket_file(organization, bucket, io.BytesIO(b"1"), "before", None)

        def listed(query: str = "") -> list[str]:
            return [each["bucket_id"] for each in wire("GET", BUCKETS + query).json()["buckets"]]

        for _ in range(2):
            archived = check_envelope(platform, "archive_bucket", api.archive_bucket(organization, bucket))
            assert archived["archived"] is True
        assert api.get_bucket(organization, bucket)["bucket"] == archived
        assert listed() == [kept]
        assert listed("?filter_archived=include_archived") == [bucket, kept]
        assert api.list_buckets(organization, limit=1)["has_next"] is False
        api.upload_bucket_file(organization, bucket, io.BytesIO(b"2"), "while", None)
        assert len(api.list_bucket_files(organization, bucket)["files"]) == 2
        # A change of its name does not take it back.
        assert api.patch_bucket(organization, bucket, name="old")["bucket"]["archived"] is True
        assert listed() == [kept]
        restored = check_envelope(platform, "unarchive_bucket", api.unarchive_bucket(organization, bucket))
        assert restored["archived"] is False
        assert listed() == [bucket, kept]

    @pytest.mark.parametrize(
        ("limit", "offset", "found", "has_next"),
        [
            (2, 0, [0, 1], True),
            (2, 1, [1, 2], False),
            (3, 0, [0, 1, 2], False),
            (1000, 2, [2], False),
            (1, 9, [], False),
        ],
    )
    def test_pages(
        self, api: APIClient, organization: str, limit: int, offset: int, found: list[int], *, has_next: bool
    ) -> None:
        """A list is in order of creation, cut by limit and offset; has_next says whether something is left."""
        made = [api.create_bucket(organization, name, "")["bucket"] for name in ("c", "a", "b")]
        page = api.list_buckets(organization, limit=limit, offset=offset)
        assert page["buckets"] == [made[place] for place in found]
        assert (page["limit"], page["offset"], page["has_next"]) == (limit, offset, has_next)

    def test_organizations_are_apart(self, platform: Platform, api: APIClient, bucket: str) -> None:
        """A bucket, and what is in it, is not found through another organization."""
        other = platform.seed.organization("other-org").id
        assert api.list_buckets(other)["buckets"] == []
        for call in (api.get_bucket, api.patch_bucket, api.archive_bucket, api.unarchive_bucket, api.list_bucket_files):
            with pytest.raises(abeja.exceptions.NotFound, match=bucket):
                call(other, bucket)
        with pytest.raises(abeja.exceptions.NotFound, match=bucket):
            api.upload_bucket_file(other, bucket, io.BytesIO(b"x"), "a", None)


class TestRefusals:
    """What is no request."""

    @pytest.mark.parametrize("method", ["POST", "PATCH"])
    @pytest.mark.parametrize("body", [{"name": 1}, {"description": []}, {"description": "x" * 257}, [], "x"])
    def test_body(self, wire: Wire, bucket: str, method: str, body: Any) -> None:
        """A body that is no bucket is 400 and changes nothing."""
        before = wire("GET", BUCKETS).json()
        check_refusal(wire(method, BUCKETS if method == "POST" else f"{BUCKETS}/{bucket}", json=body), 400)
        assert wire("GET", BUCKETS).json() == before

    def test_longest_description(self, wire: Wire) -> None:
        """256 characters are not too many, whatever the number of their bytes."""
        body = {"description": "あ" * 256}
        assert wire("POST", BUCKETS, json=body).json()["bucket"]["description"] == body["description"]

    @pytest.mark.parametrize("query", ["limit=0", "limit=x", f"limit={2**70}", "offset=-1", "filter_archived=True"])
    def test_query(self, wire: Wire, query: str) -> None:
        """What is no part of a list is 400."""
        check_refusal(wire("GET", f"{BUCKETS}?{query}"), 400, query.partition("=")[0])

    def test_unknown(self, api: APIClient, organization: str, bucket: str) -> None:
        """A bucket that does not exist is 404, and the refusal names those that do."""
        for call in (api.get_bucket, api.patch_bucket, api.archive_bucket, api.unarchive_bucket, api.list_bucket_files):
            with pytest.raises(abeja.exceptions.NotFound) as refused:
                call(organization, "1999999999999")
            assert f"{bucket} (photos)" in refused.value.error_description
