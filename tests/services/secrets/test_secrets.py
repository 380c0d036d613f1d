"""Secrets: what each operation changes in the answers of the others, expiry, and what is refused."""

from __future__ import annotations

import base64
import datetime
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest

from abeja_emulator.services.secrets.rules import Secrets
from tests.services.wire import PLATFORM_ID, ZULU_MICROSECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.secret.api.client import APIClient
    from abeja.secret_version.api.client import APIClient as VersionAPI

    from abeja_emulator.platform import Platform

SECRETS = "/secret-manager/organizations/{org}/secrets"
VALUE = base64.b64encode(b"first value").decode()


def names(api: APIClient, organization: str) -> list[str]:
    """Return the names of the secrets that are listed."""
    return [each["name"] for each in api.get_secrets(organization)["secrets"]]


class TestEffects:
    """What one operation changes in the answers of the others."""

    def test_create(self, platform: Platform, api: APIClient, organization: str) -> None:
        """A new secret shows what was sent and has one active version; it is found and listed."""
        ids = ["9909389711171", "9916291917033"]
        secret = api.create_secret(
            organization, "test-1612", "値", "of a test", "2999-12-15T16:50:33+09:00", "abeja-platform-labs", ids
        )
        check_answer("create_secret", secret)
        (version,) = secret["versions"]
        for each in (secret, version):
            assert PLATFORM_ID.fullmatch(each["id"])
            assert ZULU_MICROSECONDS.fullmatch(each["created_at"])
            assert each["created_at"] == each["updated_at"]
        # The SDK decodes what it reads, and leaves what it created as it came.
        assert base64.b64decode(version["value"]).decode() == "値"
        version["value"] = "値"
        assert version == {
            "id": version["id"],
            "organization_id": organization,
            "secret_id": secret["id"],
            "version": 1,
            "value": "値",
            "status": "active",
            "provider": "aws-secret-manager",
            "created_at": version["created_at"],
            "updated_at": version["created_at"],
        }
        assert secret == {
            "id": secret["id"],
            "organization_id": organization,
            "user_id": platform.user.id,
            "name": "test-1612",
            "description": "of a test",
            "properties": None,
            "provider": "aws-secret-manager",
            "rotation": False,
            "integration_service_type": "abeja-platform-labs",
            "integration_service_ids": ids,
            "expired_at": "2999-12-15T07:50:33Z",
            "created_at": secret["created_at"],
            "updated_at": secret["created_at"],
            "versions": [version],
        }
        assert api.get_secret(organization, secret["id"]) == secret
        listed = api.get_secrets(organization)
        check_answer("get_secrets", listed)
        assert listed == {
            "organization_id": organization,
            "secrets": [secret],
            "offset": 0,
            "limit": 50,
            "has_next": False,
        }

    def test_create_with_no_more_than_needed(self, api: APIClient, organization: str) -> None:
        """A secret needs a name and a value; the rest is null, or none."""
        secret = api.create_secret(organization, "a", "b")
        check_answer("create_secret", secret)
        assert secret["description"] is secret["expired_at"] is secret["integration_service_type"] is None
        assert secret["integration_service_ids"] == []

    def test_values_only_for_those_who_ask(self, wire: Wire, secret: dict[str, Any]) -> None:
        """Without `return_secret_value=True` versions have no value, not even null."""
        one = f"{SECRETS}/{secret['id']}"
        version = f"{one}/versions/{secret['versions'][0]['id']}"
        for path, operation in (
            (SECRETS, "get_secrets"),
            (one, "get_secret"),
            (f"{one}/versions", "get_secret_versions"),
            (version, "get_secret_version"),
        ):
            for query, there in (
                ("", False),
                ("?return_secret_value=False", False),
                ("?return_secret_value=True", True),
            ):
                answer = wire("GET", path + query)
                check_answer(operation, answer.json())
                assert (f'"value":"{VALUE}"' in answer.text) is there
                assert ('"value"' in answer.text) is there

    def test_update(self, platform: Platform, api: APIClient, organization: str, secret: dict[str, Any]) -> None:
        """What is given changes, everywhere, and what is not stays; versions stay too."""
        platform.clock.advance(2)
        changed = api.update_secret(organization, secret["id"], integration_service_type="abeja-platform-labs")
        check_answer("update_secret", changed)
        assert changed["updated_at"] > secret["updated_at"]
        assert changed == {
            **secret,
            "integration_service_type": "abeja-platform-labs",
            "updated_at": changed["updated_at"],
        }
        again = api.update_secret(
            organization, secret["id"], "other", "2999-01-01T00:00:00.5", integration_service_ids=["1410000000000"]
        )
        assert (again["description"], again["expired_at"]) == ("other", "2999-01-01T00:00:00.500000Z")
        assert again["integration_service_type"] == "abeja-platform-labs"
        found = api.get_secret(organization, secret["id"])
        assert {**found, "versions": None} == {**again, "versions": None}
        assert api.get_secrets(organization)["secrets"] == [found]

    def test_update_takes_away(self, wire: Wire, secret: dict[str, Any]) -> None:
        """Null, which no client sends, takes a field away; nothing at all changes nothing but the time."""
        path = f"{SECRETS}/{secret['id']}"
        wire("PATCH", path, json={"expired_at": "2999-01-01", "integration_service_ids": ["1410000000000"]})
        nothing = wire("PATCH", path, json={}).json()
        assert (nothing["description"], nothing["expired_at"]) == ("of the weather service", "2999-01-01T00:00:00Z")
        fields = ("description", "expired_at", "integration_service_type")
        gone = wire("PATCH", path, json={**dict.fromkeys(fields), "integration_service_ids": None}).json()
        check_answer("update_secret", gone)
        assert [gone[name] for name in fields] == [None, None, None]
        assert gone["integration_service_ids"] == []

    def test_ids_as_the_command_line_sends_them(self, wire: Wire, secret: dict[str, Any]) -> None:
        """Its update has them as one text with commas."""
        text = "9909389711171,9916291917033"
        changed = wire("PATCH", f"{SECRETS}/{secret['id']}", json={"integration_service_ids": text}).json()
        assert changed["integration_service_ids"] == text.split(",")

    def test_delete(
        self, platform: Platform, api: APIClient, versions: VersionAPI, organization: str, secret: dict[str, Any]
    ) -> None:
        """A deleted secret is gone with its versions and their values, and its name is free for another one."""
        identifier, version = secret["id"], secret["versions"][0]["id"]
        kept = api.create_secret(organization, "KEPT", "x")["id"]
        assert api.delete_secret(organization, identifier) == {
            "message": f"secret_id {identifier} successfully deleted"
        }
        for call in (api.get_secret, api.update_secret, api.delete_secret, versions.get_secret_versions):
            with pytest.raises(abeja.exceptions.NotFound, match=identifier):
                call(organization, identifier)
        with pytest.raises(abeja.exceptions.NotFound, match=identifier):
            versions.get_secret_version(organization, identifier, version)
        assert names(api, organization) == ["KEPT"]
        with platform.world.store.reading():
            assert [base64.b64decode(value) for value in Secrets(platform.world).values()] == [b"x"]
        assert [each["version"] for each in api.get_secret(organization, kept)["versions"]] == [1]
        new = api.create_secret(organization, "API_KEY", "y")
        assert new["id"] != identifier
        assert names(api, organization) == ["KEPT", "API_KEY"]

    @pytest.mark.parametrize(
        ("limit", "offset", "found", "has_next"),
        [
            (2, 0, [0, 1], True),
            (2, 1, [1, 2], False),
            (3, 0, [0, 1, 2], False),
            (99, 2, [2], False),
            (1, 9, [], False),
        ],
    )
    def test_pages(
        self, api: APIClient, organization: str, limit: int, offset: int, found: list[int], *, has_next: bool
    ) -> None:
        """A list is in order of creation, cut by limit and offset; has_next says whether something is left."""
        made = [api.create_secret(organization, name, "x")["id"] for name in ("c", "a", "b")]
        page = api.get_secrets(organization, offset, limit)
        assert [each["id"] for each in page["secrets"]] == [made[place] for place in found]
        assert (page["limit"], page["offset"], page["has_next"]) == (limit, offset, has_next)

    def test_organizations_are_apart(self, platform: Platform, api: APIClient, secret: dict[str, Any]) -> None:
        """A secret is not found through another organization, which may have one of its name."""
        other = platform.seed.organization("other-org").id
        assert api.get_secrets(other)["secrets"] == []
        for call in (api.get_secret, api.update_secret, api.delete_secret):
            with pytest.raises(abeja.exceptions.NotFound, match=secret["id"]):
                call(other, secret["id"])
        assert api.create_secret(other, "API_KEY", "theirs")["organization_id"] == other


class TestExpiry:
    """A secret whose time is over."""

    def test_values_are_not_told(
        self, platform: Platform, api: APIClient, versions: VersionAPI, organization: str, secret: dict[str, Any]
    ) -> None:
        """From then on no answer has a value, and all else stays; with more time the values are back."""
        identifier, version = secret["id"], secret["versions"][0]["id"]
        end = platform.clock.now().timestamp() + 3600
        api.update_secret(organization, identifier, expired_at=zulu(end))

        def told() -> list[bool]:
            (listed,) = api.get_secrets(organization)["secrets"]
            assert listed["name"] == "API_KEY"
            shown = [
                listed["versions"][0],
                api.get_secret(organization, identifier)["versions"][0],
                versions.get_secret_versions(organization, identifier)["versions"][0],
                versions.get_secret_version(organization, identifier, version),
                versions.update_secret_version(organization, identifier, version, "active"),
                api.update_secret(organization, identifier, "same")["versions"][0],
            ]
            return ["value" in each for each in shown]

        platform.clock.advance(3590)
        assert told() == [True] * 6
        platform.clock.advance(20)
        assert told() == [False] * 6
        assert "value" not in versions.create_secret_version(organization, identifier, "second value")
        api.update_secret(organization, identifier, expired_at=zulu(end + 7200))
        found = api.get_secret(organization, identifier)
        assert [each["value"] for each in found["versions"]] == ["first value", "second value"]

    @pytest.mark.parametrize(
        ("sent", "shown"),
        [
            ("2999-12-15T16:50:33+09:00", "2999-12-15T07:50:33Z"),
            ("2999-12-15T16:50:33Z", "2999-12-15T16:50:33Z"),
            ("2999-12-15T16:50:33", "2999-12-15T16:50:33Z"),
            ("2999-12-15 16:50:33.25-0330", "2999-12-15T20:20:33.250000Z"),
            ("2999-12-15T16:50+09", "2999-12-15T07:50:00Z"),
            ("2999-12-15", "2999-12-15T00:00:00Z"),
            # The example of the SDK's documentation, which has passed.
            ("2024-12-15T16:50:33+09:00", "2024-12-15T07:50:33Z"),
        ],
    )
    def test_forms(self, api: APIClient, organization: str, sent: str, shown: str) -> None:
        """A time of ISO 8601 is shown in UTC, with parts of a second where it has some."""
        assert api.create_secret(organization, "a", "b", expired_at=sent)["expired_at"] == shown

    @pytest.mark.parametrize(
        "sent",
        ["", "tomorrow", "2999-02-30", "2999-12-15T25:00:00Z", "0001-01-01T00:00:00+09:00", "15/12/2999", "2999"],
    )
    def test_wrong(self, wire: Wire, secret: dict[str, Any], sent: str) -> None:
        """What is no time is 400, and nothing is made or changed."""
        body = {"name": "a", "value": VALUE, "expired_at": sent}
        check_refusal(wire("POST", SECRETS, json=body), 400, "expired_at")
        check_refusal(wire("PATCH", f"{SECRETS}/{secret['id']}", json={"expired_at": sent}), 400, "expired_at")
        assert wire("GET", f"{SECRETS}?return_secret_value=1").json()["secrets"] == [secret]


class TestRefusals:
    """What is no request."""

    @pytest.mark.parametrize("name", ["", "a b", "a.b", "é", "a\n", "name-abcdef", "-123456", "a/b"])
    def test_name(self, wire: Wire, name: str) -> None:
        """A name that the SDK would not send is 400."""
        check_refusal(wire("POST", SECRETS, json={"name": name, "value": VALUE}), 400, "name of a secret")

    @pytest.mark.parametrize("name", ["A", "a_b-C9", "-", "name-abcde", "name-abcdefg", "abcdef-"])
    def test_good_name(self, api: APIClient, organization: str, name: str) -> None:
        """And one that it would send is not."""
        assert api.create_secret(organization, name, "x")["name"] == name

    @pytest.mark.usefixtures("secret")
    def test_name_is_taken(self, api: APIClient, organization: str) -> None:
        """A second secret of one name is 409; case makes a difference."""
        with pytest.raises(abeja.exceptions.Conflict, match="API_KEY"):
            api.create_secret(organization, "API_KEY", "x")
        api.create_secret(organization, "api_key", "x")
        assert names(api, organization) == ["API_KEY", "api_key"]

    @pytest.mark.parametrize("value", ["", "not base64!", "YQ", "あ", "====", " YQ=="])
    def test_value(self, wire: Wire, secret: dict[str, Any], value: str) -> None:
        """A value that is not base64, or nothing, is 400, and neither the refusal nor the journal repeats it."""
        for path in (SECRETS, f"{SECRETS}/{secret['id']}/versions"):
            response = wire("POST", path, json={"name": "a", "value": value})
            check_refusal(response, 400, "base64")
            assert not value or value not in response.json()["error_description"]

    @pytest.mark.parametrize(
        "change",
        [
            {"description": 1},
            {"description": "x" * 257},
            {"integration_service_type": "abeja-platform-training-jobs"},
            {"integration_service_ids": ["app"]},
            {"integration_service_ids": "9909389711171,"},
            {"integration_service_ids": [9909389711171]},
            {"expired_at": 1},
        ],
    )
    def test_fields(self, wire: Wire, secret: dict[str, Any], change: dict[str, Any]) -> None:
        """A field of another type or form is 400, in both operations, and changes nothing."""
        (name,) = change
        check_refusal(wire("POST", SECRETS, json={"name": "a", "value": VALUE, **change}), 400, name)
        check_refusal(wire("PATCH", f"{SECRETS}/{secret['id']}", json=change), 400, name)
        assert wire("GET", f"{SECRETS}?return_secret_value=1").json()["secrets"] == [secret]

    @pytest.mark.parametrize("body", [{}, {"name": "a"}, {"value": VALUE}, {"name": 1, "value": VALUE}, [], "x"])
    def test_body(self, wire: Wire, body: Any) -> None:
        """A secret needs a name and a value."""
        check_refusal(wire("POST", SECRETS, json=body), 400, "create_secret")

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "return_secret_value=maybe"])
    def test_query(self, wire: Wire, secret: dict[str, Any], query: str) -> None:
        """What is no part of a list is 400; so is a limit beyond 100, as documented."""
        for path in (SECRETS, f"{SECRETS}/{secret['id']}/versions"):
            check_refusal(wire("GET", f"{path}?{query}"), 400, query.partition("=")[0])

    def test_unknown(self, api: APIClient, organization: str, secret: dict[str, Any]) -> None:
        """A secret that does not exist is 404, and the refusal names those that do, without their values."""
        for call in (api.get_secret, api.update_secret, api.delete_secret):
            with pytest.raises(abeja.exceptions.NotFound) as refused:
                call(organization, "1999999999999")
            assert f"{secret['id']} (API_KEY)" in refused.value.error_description
            assert "value" not in refused.value.error_description


def zulu(timestamp: float) -> str:
    """Return a time as the SDK's documentation writes it."""
    return datetime.datetime.fromtimestamp(timestamp, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
