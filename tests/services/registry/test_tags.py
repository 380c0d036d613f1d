"""Tags: what a push, once somebody speaks its protocol, leaves in a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.errors import BadRequest
from abeja_emulator.services.registry.records import Tag
from abeja_emulator.services.registry.rules import Repositories
from tests.services.wire import PLATFORM_ID, ZULU_SECONDS, check_answer

if TYPE_CHECKING:
    from abeja.registry import APIClient

    from abeja_emulator.platform import Platform

DIGEST = "sha256:" + "0" * 64


def push(platform: Platform, repository: dict[str, Any], name: str, digest: str = DIGEST, size: int = 1) -> None:
    """Let a tag stand for an image."""
    repositories = Repositories(platform.world)
    with platform.world.store.transaction():
        found = repositories.get(platform.organization.id, repository["id"])
        repositories.tag(found, name, platform.user.id, digest=digest, size=size)


def test_pushed(api: APIClient, organization: str, platform: Platform, repository: dict[str, Any]) -> None:
    """It is in the list of tags, with a number as its id, and in the repository; a neighbour has none."""
    other = api.create_repository(organization, "other")["id"]
    push(platform, repository, "latest", size=12345)
    listed = api.get_repository_tags(organization, repository["id"])
    check_answer("get_repository_tags", listed)
    assert listed["registry_repository_id"] == repository["id"]
    (tag,) = listed["tags"]
    assert PLATFORM_ID.fullmatch(str(tag["id"]))
    assert ZULU_SECONDS.fullmatch(tag["created_at"])
    assert (tag["name"], tag["digest"], tag["size"]) == ("latest", DIGEST, 12345)
    assert tag["creator"] == platform.user.view()
    shown = api.get_repository(organization, repository["id"])
    check_answer("get_repository", shown)
    assert shown["tags"] == [tag]
    assert api.get_repository_tags(organization, other)["tags"] == []
    assert api.get_repository(organization, other)["tags"] == []


def test_pushed_again(api: APIClient, organization: str, platform: Platform, repository: dict[str, Any]) -> None:
    """A tag stands for the last image that had its name; it stays the same tag."""
    push(platform, repository, "latest")
    (before,) = api.get_repository_tags(organization, repository["id"])["tags"]
    platform.clock.advance(60)
    push(platform, repository, "latest", "sha256:" + "1" * 64, 2)
    (after,) = api.get_repository_tags(organization, repository["id"])["tags"]
    assert (after["digest"], after["size"]) == ("sha256:" + "1" * 64, 2)
    assert (after["id"], after["created_at"]) == (before["id"], before["created_at"])
    assert after["updated_at"] > before["updated_at"]


def test_pages(api: APIClient, organization: str, platform: Platform, repository: dict[str, Any]) -> None:
    """Ten by default, in order of their first push."""
    for number in range(12):
        push(platform, repository, f"1.{number}")
    first = api.get_repository_tags(organization, repository["id"])
    assert [tag["name"] for tag in first["tags"]] == [f"1.{number}" for number in range(10)]
    assert (first["limit"], first["offset"], first["has_next"]) == (10, 0, True)
    rest = api.get_repository_tags(organization, repository["id"], 5, 10)
    assert [tag["name"] for tag in rest["tags"]] == ["1.10", "1.11"]
    assert (rest["limit"], rest["offset"], rest["has_next"]) == (5, 10, False)


def test_go_with_their_repository(
    api: APIClient, organization: str, platform: Platform, repository: dict[str, Any]
) -> None:
    """The deleted repository is shown with its tags, and none of them is left."""
    push(platform, repository, "latest")
    assert [tag["name"] for tag in api.delete_repository(organization, repository["id"])["tags"]] == ["latest"]
    store = platform.world.store
    with store.reading():
        assert store.table("repository_tag", Tag).count(repository["id"]) == 0


@pytest.mark.parametrize("name", ["", ".a", "-a", "a b", "a/b", "x" * 129])
def test_not_a_tag(platform: Platform, repository: dict[str, Any], name: str) -> None:
    """A name that no tag can have is refused."""
    with pytest.raises(BadRequest, match="a tag is"):
        push(platform, repository, name)
