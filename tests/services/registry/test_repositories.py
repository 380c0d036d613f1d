"""Repositories: created, shown, listed and deleted, and what each of these changes in the answers of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest

from abeja_emulator.services.organizations.rules import Accounts
from tests.services.training.samples import state
from tests.services.wire import PLATFORM_ID, ZULU_MICROSECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.registry import APIClient

    from abeja_emulator.platform import Platform

REPOSITORIES = "/organizations/{org}/registry/repositories"


class TestCreate:
    """POST /organizations/{organization_id}/registry/repositories."""

    def test_answer(self, api: APIClient, organization: str, platform: Platform) -> None:
        """A new repository shows what was sent, an id, its creator, times in UTC, and no tags."""
        made = api.create_repository(organization, "my-image", "an image")
        check_answer("create_repository", made)
        assert PLATFORM_ID.fullmatch(made["id"])
        assert ZULU_MICROSECONDS.fullmatch(made["created_at"])
        assert made["updated_at"] == made["created_at"]
        assert made["creator"] == platform.user.view()
        assert (made["organization_id"], made["name"], made["description"]) == (organization, "my-image", "an image")
        assert made["tags"] == []

    def test_as_the_command_line_sends_it(self, wire: Wire) -> None:
        """The CLI says null where there is no description; fields that nobody knows are ignored."""
        made = wire("POST", REPOSITORIES, json={"name": "my-image", "description": None, "later": 1}).json()
        check_answer("create_repository", made)
        assert made["description"] is None

    @pytest.mark.parametrize("name", ["a", "0", "my-image", "my.image", "my_image", "my__image", "a--b", "v1.2-rc_3"])
    def test_names_of_images(self, wire: Wire, name: str) -> None:
        """Every name that an image can have is taken."""
        assert wire("POST", REPOSITORIES, json={"name": name}).json()["name"] == name

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({}, "name"),
            ({"name": None}, "name"),
            ({"name": 1}, "name"),
            *(
                ({"name": name}, "named as images are")
                for name in ("", "My-Image", "-a", "a-", "a..b", "a___b", "a/b", "a b", "a:1", "画像", "a\n")
            ),
            ({"name": "b", "description": 1}, "description"),
            ({"name": "b", "description": "x" * 257}, "256"),
            ([], "object"),
        ],
    )
    def test_not_well_formed(self, platform: Platform, wire: Wire, body: Any, words: str) -> None:
        """What is wrong is 400, says so, and changes nothing."""
        before = state(platform)
        check_refusal(wire("POST", REPOSITORIES, json=body), 400, words)
        assert state(platform) == before

    @pytest.mark.usefixtures("repository")
    def test_taken_name(self, api: APIClient, organization: str, platform: Platform) -> None:
        """A name is taken once in an organization; in another one, and after it was deleted, it is free."""
        before = state(platform)
        with pytest.raises(abeja.exceptions.Conflict, match="my-image"):
            api.create_repository(organization, "my-image")
        assert state(platform) == before
        with platform.world.store.transaction():
            other = Accounts(platform.world).add_organization("other-org").id
        assert api.create_repository(other, "my-image")["organization_id"] == other
        (listed,) = api.get_repositories(organization)["registry_repositories"]
        api.delete_repository(organization, listed["id"])
        assert api.create_repository(organization, "my-image")["id"] != listed["id"]


class TestEffects:
    """What one operation changes in the answers of the others."""

    def test_created(self, api: APIClient, organization: str, repository: dict[str, Any]) -> None:
        """It is shown as it was answered, and listed so too, but for its tags."""
        shown = api.get_repository(organization, repository["id"])
        check_answer("get_repository", shown)
        assert shown == repository
        listed = api.get_repositories(organization)
        check_answer("get_repositories", listed)
        expected = {name: value for name, value in repository.items() if name != "tags"}
        assert listed["registry_repositories"] == [expected]

    def test_deleted(self, api: APIClient, organization: str, repository: dict[str, Any]) -> None:
        """It is returned as it was, and gone everywhere."""
        other = api.create_repository(organization, "other")["id"]
        gone = api.delete_repository(organization, repository["id"])
        check_answer("delete_repository", gone)
        assert gone == repository
        assert [each["id"] for each in api.get_repositories(organization)["registry_repositories"]] == [other]
        for call in (api.get_repository, api.delete_repository, api.get_repository_tags):
            with pytest.raises(abeja.exceptions.NotFound, match=f"{other} \\(other\\)"):
                call(organization, repository["id"])

    def test_of_another_organization(self, api: APIClient, repository: dict[str, Any], platform: Platform) -> None:
        """It is listed and found in its own organization only."""
        with platform.world.store.transaction():
            other = Accounts(platform.world).add_organization("other-org").id
        assert api.get_repositories(other)["registry_repositories"] == []
        with pytest.raises(abeja.exceptions.NotFound, match="none"):
            api.get_repository(other, repository["id"])


class TestList:
    """GET /organizations/{organization_id}/registry/repositories."""

    def test_pages(self, api: APIClient, organization: str, platform: Platform) -> None:
        """Ten by default, in order of creation, in the envelope of the organization; `has_next`: there are more."""
        ids = [api.create_repository(organization, f"image-{number}")["id"] for number in range(12)]
        first = api.get_repositories(organization)
        check_answer("get_repositories", first)
        assert [each["id"] for each in first["registry_repositories"]] == ids[:10]
        assert (first["limit"], first["offset"], first["has_next"]) == (10, 0, True)
        assert first["organization_name"] == platform.organization.name
        assert first["created_at"] == platform.organization.created_at
        for limit, offset, more in ((5, 5, True), (5, 7, False), (12, 0, False), (11, 0, True), (1, 12, False)):
            page = api.get_repositories(organization, limit, offset)
            assert [each["id"] for each in page["registry_repositories"]] == ids[offset : offset + limit]
            assert (page["limit"], page["offset"], page["has_next"]) == (limit, offset, more)

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=-1", "limit=x", "offset=-1", "offset=1.5", "limit=99999999999"]
    )
    @pytest.mark.parametrize("which", ["", "/tags"])
    def test_not_well_formed(self, wire: Wire, repository: dict[str, Any], query: str, which: str) -> None:
        """Numbers that say no part of a list are 400."""
        path = f"{REPOSITORIES}/{repository['id']}/tags" if which else REPOSITORIES
        check_refusal(wire("GET", f"{path}?{query}"), 400, query.partition("=")[0])
