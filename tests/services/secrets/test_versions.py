"""Versions of secrets: what each operation changes in the answers of the others, and what is refused."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest

from tests.services.wire import PLATFORM_ID, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.secret.api.client import APIClient
    from abeja.secret_version.api.client import APIClient as VersionAPI

    from abeja_emulator.platform import Platform


def shown(versions: VersionAPI, organization: str, secret: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Return number, value and status of the versions that are listed."""
    listed = versions.get_secret_versions(organization, secret["id"])["versions"]
    return [(each["version"], each["value"], each["status"]) for each in listed]


class TestEffects:
    """What one operation changes in the answers of the others."""

    def test_create(
        self, platform: Platform, api: APIClient, versions: VersionAPI, organization: str, secret: dict[str, Any]
    ) -> None:
        """A new version has the next number, is active beside those there are, and shows in its secret."""
        platform.clock.advance(2)
        made = versions.create_secret_version(organization, secret["id"], "第二")
        check_answer("create_secret_version", made)
        assert PLATFORM_ID.fullmatch(made["id"])
        assert (made["secret_id"], made["version"], made["value"], made["status"]) == (
            secret["id"],
            2,
            "第二",
            "active",
        )
        assert made["created_at"] == made["updated_at"] > secret["updated_at"]
        assert versions.get_secret_version(organization, secret["id"], made["id"]) == made
        found = api.get_secret(organization, secret["id"])
        assert [each["value"] for each in found["versions"]] == ["first value", "第二"]
        assert api.get_secrets(organization)["secrets"] == [found]
        # A secret's own time is about what is known of it, not about its values.
        assert found["updated_at"] == secret["updated_at"]
        listed = versions.get_secret_versions(organization, secret["id"])
        check_answer("get_secret_versions", listed)
        assert listed["versions"] == found["versions"]
        assert listed["pagination"] == {"count": 2, "has_next": False, "limit": 50, "offset": 0}

    def test_create_without_asking_for_the_value(self, wire: Wire, secret: dict[str, Any]) -> None:
        """As the command line does it: the answer has none."""
        body = {"value": base64.b64encode(b"x").decode()}
        path = f"/secret-manager/organizations/{{org}}/secrets/{secret['id']}/versions"
        made = wire("POST", path, json=body).json()
        check_answer("create_secret_version", made)
        assert "value" not in made

    def test_status(
        self, platform: Platform, api: APIClient, versions: VersionAPI, organization: str, secret: dict[str, Any]
    ) -> None:
        """A version becomes inactive and active again, alone, and can be read all the same."""
        second = versions.create_secret_version(organization, secret["id"], "second")
        platform.clock.advance(2)
        changed = versions.update_secret_version(organization, secret["id"], second["id"], "inactive")
        check_answer("update_secret_version", changed)
        # The SDK does not decode this one.
        assert base64.b64decode(changed["value"]) == b"second"
        assert changed["updated_at"] > second["updated_at"]
        assert changed == {
            **second,
            "value": changed["value"],
            "status": "inactive",
            "updated_at": changed["updated_at"],
        }
        assert shown(versions, organization, secret) == [(1, "first value", "active"), (2, "second", "inactive")]
        assert [each["status"] for each in api.get_secret(organization, secret["id"])["versions"]] == [
            "active",
            "inactive",
        ]
        versions.update_secret_version(organization, secret["id"], second["id"], "active")
        assert shown(versions, organization, secret)[1] == (2, "second", "active")

    def test_delete(self, api: APIClient, versions: VersionAPI, organization: str, secret: dict[str, Any]) -> None:
        """A deleted version is gone, from its secret and from counts; its number does not come back."""
        second = versions.create_secret_version(organization, secret["id"], "second")
        assert versions.delete_secret_version(organization, secret["id"], second["id"]) == {
            "message": f"secret_version_id {second['id']} successfully deleted"
        }
        for call in (versions.get_secret_version, versions.delete_secret_version):
            with pytest.raises(abeja.exceptions.NotFound, match=second["id"]):
                call(organization, secret["id"], second["id"])
        assert len(api.get_secret(organization, secret["id"])["versions"]) == 1
        assert versions.get_secret_versions(organization, secret["id"])["pagination"]["count"] == 1
        assert versions.create_secret_version(organization, secret["id"], "third")["version"] == 3
        versions.delete_secret_version(organization, secret["id"], secret["versions"][0]["id"])
        assert shown(versions, organization, secret) == [(3, "third", "active")]

    @pytest.mark.parametrize(
        ("limit", "offset", "found", "has_next"),
        [
            (2, 0, [1, 2], True),
            (2, 1, [2, 3], False),
            (3, 0, [1, 2, 3], False),
            (99, 2, [3], False),
            (1, 9, [], False),
        ],
    )
    def test_pages(
        self,
        versions: VersionAPI,
        organization: str,
        secret: dict[str, Any],
        limit: int,
        offset: int,
        found: list[int],
        *,
        has_next: bool,
    ) -> None:
        """A list is oldest first, cut by limit and offset, and says how many there are in all."""
        for value in ("second", "third"):
            versions.create_secret_version(organization, secret["id"], value)
        page = versions.get_secret_versions(organization, secret["id"], offset, limit)
        assert [each["version"] for each in page["versions"]] == found
        assert page["pagination"] == {"count": 3, "has_next": has_next, "limit": limit, "offset": offset}

    def test_secrets_are_apart(
        self, api: APIClient, versions: VersionAPI, organization: str, secret: dict[str, Any]
    ) -> None:
        """Each secret counts for itself, and does not know the version of another."""
        other = api.create_secret(organization, "OTHER", "x")
        assert versions.create_secret_version(organization, other["id"], "y")["version"] == 2
        foreign = other["versions"][0]["id"]
        with pytest.raises(abeja.exceptions.NotFound) as refused:
            versions.get_secret_version(organization, secret["id"], foreign)
        assert secret["versions"][0]["id"] in refused.value.error_description
        for call, more in (
            (versions.update_secret_version, ("inactive",)),
            (versions.delete_secret_version, ()),
        ):
            with pytest.raises(abeja.exceptions.NotFound, match=foreign):
                call(organization, secret["id"], foreign, *more)
        assert shown(versions, organization, other) == [(1, "x", "active"), (2, "y", "active")]


class TestRefusals:
    """What is no request."""

    @pytest.mark.parametrize("body", [{}, {"value": 1}, {"value": None}, [], "x"])
    def test_value(self, wire: Wire, secret: dict[str, Any], body: Any) -> None:
        """A version needs a value."""
        path = f"/secret-manager/organizations/{{org}}/secrets/{secret['id']}/versions"
        check_refusal(wire("POST", path, json=body), 400, "create_secret_version")
        assert wire("GET", path).json()["pagination"]["count"] == 1

    @pytest.mark.parametrize("body", [{}, {"status": "deleted"}, {"status": None}, [], "x"])
    def test_status(self, wire: Wire, secret: dict[str, Any], body: Any) -> None:
        """A status is active or inactive."""
        path = f"/secret-manager/organizations/{{org}}/secrets/{secret['id']}/versions/{secret['versions'][0]['id']}"
        check_refusal(wire("PATCH", path, json=body), 400, "update_secret_version")
        assert wire("GET", path).json()["status"] == "active"
