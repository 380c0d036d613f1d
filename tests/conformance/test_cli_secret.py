"""The command line client keeps secrets: they are created with a value, given more of them, shown and deleted."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.services.secrets.rules import Secrets
from tests.conformance.client import shows

if TYPE_CHECKING:
    from abeja_emulator.server import Server
    from abeja_emulator.services.secrets.records import Secret, SecretVersion
    from tests.conformance.client import Abeja, Said

#: Of a secret, and of a version of it.
FIELDS = ("id", "organization_id", "name", "description", "integration_service_type", "integration_service_ids")
VERSION_FIELDS = ("id", "organization_id", "secret_id", "version", "status", "provider")

LABS_APP, OTHER_APP = "1230000000001", "1230000000002"


def kept(server: Server) -> list[Secret]:
    """Return the secrets of the default organization."""
    with server.platform.world.store.reading():
        return Secrets(server.platform.world).select(server.platform.organization.id, 0, 100)[0]


def versions(server: Server, secret_id: str) -> list[SecretVersion]:
    """Return the versions of a secret."""
    with server.platform.world.store.reading():
        return Secrets(server.platform.world).versions(secret_id)


def values(server: Server, secret_id: str) -> list[str]:
    """Return the values of a secret as their user knows them, oldest first."""
    return [base64.b64decode(each.value).decode() for each in versions(server, secret_id)]


def encoded(value: str) -> str:
    """Return a value as it travels."""
    return base64.b64encode(value.encode()).decode()


def told(said: Said) -> Any:
    """Return the JSON behind the words of the client."""
    return json.loads(said.out[said.out.index("{") :])


@pytest.fixture
def secret(server: Server) -> str:
    """The id of a secret with two values."""
    world, organization = server.platform.world, server.platform.organization.id
    with world.store.transaction():
        secrets = Secrets(world)
        made = secrets.create(organization, server.platform.user.id, "token", encoded("first"), {})
        secrets.add_version(organization, made.id, encoded("第二"))
    return made.id


def test_create(abeja: Abeja, server: Server) -> None:
    """A secret is created with all that can be said of it, and answered with its value as it travels, in base64."""
    answer = abeja(
        *("secret", "create", "--name", "token", "--value", "開けゴマ", "--description", "of the door"),
        *("--expired-at", "2099-12-31T23:59:59+09:00", "--integration-service-type", "abeja-platform-labs"),
        *("--integration-service-ids", f"{LABS_APP},{OTHER_APP}"),
    ).json
    (record,) = kept(server)
    shows(answer, record, *FIELDS, "created_at", "updated_at")
    assert (record.name, record.description) == ("token", "of the door")
    assert (record.integration_service_type, record.integration_service_ids) == (
        "abeja-platform-labs",
        [LABS_APP, OTHER_APP],
    )
    assert answer["expired_at"] == "2099-12-31T14:59:59Z"
    assert values(server, record.id) == ["開けゴマ"]
    assert [each["value"] for each in answer["versions"]] == [encoded("開けゴマ")]
    said = abeja("secret", "create", "--name", "token", "--value", "x", code=1)
    assert "409" in said.out
    assert "exists already" in said.error
    assert kept(server) == [record]
    assert values(server, record.id) == ["開けゴマ"]


def test_list_and_get(abeja: Abeja, server: Server, secret: str) -> None:
    """The client shows values as their user knows them, of all secrets, of a part of them, and of one."""
    plain = abeja("secret", "create", "--name", "plain", "--value", "x").json
    listed = abeja("secret", "list").json
    assert [each["name"] for each in listed["secrets"]] == ["token", "plain"]
    assert [each["value"] for each in listed["secrets"][0]["versions"]] == ["first", "第二"]
    assert abeja("secret", "get", "--secret_id", secret).json == listed["secrets"][0]
    part = abeja("secret", "list", "--offset", "1", "--limit", "1").json
    assert ([each["id"] for each in part["secrets"]], part["has_next"]) == ([plain["id"]], False)
    assert "404" in abeja("secret", "get", "--secret_id", "1999999999999", code=1).out


def test_update(abeja: Abeja, server: Server, secret: str) -> None:
    """What is named changes; what is not named stays, and so do the values."""
    update = ("secret", "update", "--secret_id", secret)
    abeja(
        *(*update, "--integration-service-type", "abeja-platform-labs"),
        *("--integration-service-ids", f"{LABS_APP},{OTHER_APP}"),
    )
    answer = abeja(*update, "--description", "of the door", "--expired-at", "2099-12-31").json
    (record,) = kept(server)
    shows(answer, record, *FIELDS, "created_at", "updated_at")
    assert [each["value"] for each in answer["versions"]] == [encoded("first"), encoded("第二")]
    assert (record.description, record.expired_at) == ("of the door", "2099-12-31T00:00:00.000000")
    assert (record.integration_service_type, record.integration_service_ids) == (
        "abeja-platform-labs",
        [LABS_APP, OTHER_APP],
    )
    assert values(server, secret) == ["first", "第二"]
    assert "400" in abeja(*update, "--expired-at", "tomorrow", code=1).out
    assert kept(server) == [record]


def test_delete(abeja: Abeja, server: Server, secret: str) -> None:
    """A secret is deleted with its values, once that is confirmed."""
    delete = ("secret", "delete", "--secret_id", secret)
    said = abeja(*delete, typed="n\n")
    assert "token" in said.out
    assert [each.id for each in kept(server)] == [secret]
    assert told(abeja(*delete, "--yes")) == {"message": f"secret_id {secret} successfully deleted"}
    assert kept(server) == []
    assert versions(server, secret) == []
    assert "404" in abeja(*delete, "--yes", code=1).out


def test_versions(abeja: Abeja, server: Server, secret: str) -> None:
    """A secret is given one more value, and its versions are shown one by one and all at once."""
    made = abeja("secret-version", "create", "--secret_id", secret, "--value", "第三").json
    records = versions(server, secret)
    shows(made, records[2], *VERSION_FIELDS, "created_at", "updated_at")
    assert values(server, secret) == ["first", "第二", "第三"]
    assert (made["version"], made["status"]) == (3, "active")
    # The SDK asks for the value here, this client does not.
    assert "value" not in made
    listed = abeja("secret-version", "list", "--secret_id", secret).json["versions"]
    assert [each["value"] for each in listed] == ["first", "第二", "第三"]
    part = abeja("secret-version", "list", "--secret_id", secret, "--offset", "1", "--limit", "1").json
    assert part["versions"] == listed[1:2]
    assert part["pagination"] == {"count": 3, "has_next": True, "limit": 1, "offset": 1}
    shown = abeja("secret-version", "get", "--secret_id", secret, "--version_id", records[1].id).json
    assert shown == listed[1]


def test_a_version_that_is_not_in_use(abeja: Abeja, server: Server, secret: str) -> None:
    """Its status is changed to and fro; its value stays."""
    first, second = versions(server, secret)
    update = ("secret-version", "update", "--secret_id", secret, "--version_id", first.id, "--status")
    answer = abeja(*update, "inactive").json
    assert [each.status for each in versions(server, secret)] == ["inactive", "active"]
    shows(answer, versions(server, secret)[0], *VERSION_FIELDS, "value", "updated_at")
    abeja(*update, "active")
    assert [each.status for each in versions(server, secret)] == ["active", "active"]
    assert values(server, secret) == ["first", "第二"]
    abeja("secret-version", "update", "--secret_id", secret, "--version_id", secret, "--status", "active", code=1)
    assert versions(server, secret)[1] == second


def test_delete_version(abeja: Abeja, server: Server, secret: str) -> None:
    """One value is deleted, once that is confirmed, and the others stay."""
    first, second = versions(server, secret)
    delete = ("secret-version", "delete", "--secret_id", secret, "--version_id", first.id)
    assert secret in abeja(*delete, typed="n\n").out
    assert versions(server, secret) == [first, second]
    said = told(abeja(*delete, "--yes"))
    assert said == {"message": f"secret_version_id {first.id} successfully deleted"}
    assert versions(server, secret) == [second]
    assert "404" in abeja(*delete, "--yes", code=1).out
