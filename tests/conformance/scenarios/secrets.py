"""Secrets and their versions."""

import base64

from .kit import Kit


def check_life_of_a_secret(kit: Kit) -> None:
    """What is created is shown and listed with its value, changes, and is gone once it is deleted."""
    api, organization = kit.api("secret"), kit.organization
    assert api.get_secrets(organization)["secrets"] == []
    made = api.create_secret(
        organization,
        "API_KEY",
        "値 of the key",
        description="of the weather service",
        expired_at="2999-12-15T16:50:33+09:00",
        integration_service_type="abeja-platform-labs",
        integration_service_ids=["9909389711171"],
    )
    assert base64.b64decode(made["versions"][0]["value"]).decode() == "値 of the key"
    assert made["expired_at"] == "2999-12-15T07:50:33Z"
    assert (made["name"], made["organization_id"]) == ("API_KEY", organization)
    assert (made["integration_service_type"], made["integration_service_ids"]) == (
        "abeja-platform-labs",
        ["9909389711171"],
    )
    found = api.get_secret(organization, made["id"])
    assert found["versions"][0]["value"] == "値 of the key"
    assert (found["description"], found["created_at"]) == ("of the weather service", made["created_at"])
    listed = api.get_secrets(organization)
    assert (listed["secrets"], listed["has_next"]) == ([found], False)
    changed = api.update_secret(organization, made["id"], description="other")
    assert (changed["description"], changed["expired_at"]) == ("other", made["expired_at"])
    assert api.get_secret(organization, made["id"])["description"] == "other"
    kit.refused(409, api.create_secret, organization, "API_KEY", "x")
    assert made["id"] in api.delete_secret(organization, made["id"])["message"]
    assert api.get_secrets(organization)["secrets"] == []
    for call in (api.get_secret, api.update_secret, api.delete_secret):
        kit.refused(404, call, organization, made["id"])
    assert api.create_secret(organization, "API_KEY", "x")["id"] != made["id"]


def check_pages_of_secrets(kit: Kit) -> None:
    """A list is cut by limit and offset, in order of creation."""
    api, organization = kit.api("secret"), kit.organization
    for name in "cab":
        api.create_secret(organization, name, name)
    page = api.get_secrets(organization, offset=1, limit=1)
    assert [each["name"] for each in page["secrets"]] == ["a"]
    assert (page["offset"], page["limit"], page["has_next"]) == (1, 1, True)


def check_versions(kit: Kit) -> None:
    """A secret gets one more value, whose status changes, and which is gone once it is deleted."""
    secrets, api, organization = kit.api("secret"), kit.api("secret_version"), kit.organization
    secret = secrets.create_secret(organization, "API_KEY", "first")["id"]
    made = api.create_secret_version(organization, secret, "second")
    assert (made["version"], made["value"], made["status"], made["secret_id"]) == (2, "second", "active", secret)
    assert api.get_secret_version(organization, secret, made["id"]) == made
    assert secrets.get_secret(organization, secret)["versions"][1] == made
    assert api.update_secret_version(organization, secret, made["id"], "inactive")["status"] == "inactive"
    listed = api.get_secret_versions(organization, secret)
    assert [(each["value"], each["status"]) for each in listed["versions"]] == [
        ("first", "active"),
        ("second", "inactive"),
    ]
    assert listed["pagination"] == {"count": 2, "has_next": False, "limit": 50, "offset": 0}
    page = api.get_secret_versions(organization, secret, offset=0, limit=1)
    assert ([each["value"] for each in page["versions"]], page["pagination"]["has_next"]) == (["first"], True)
    assert made["id"] in api.delete_secret_version(organization, secret, made["id"])["message"]
    kit.refused(404, api.get_secret_version, organization, secret, made["id"])
    assert len(secrets.get_secret(organization, secret)["versions"]) == 1
    secrets.delete_secret(organization, secret)
    kit.refused(404, api.get_secret_versions, organization, secret)


def check_values_are_told_to_those_who_ask(kit: Kit) -> None:
    """Without `return_secret_value=True` an answer has no value at all."""
    kit.api("secret").create_secret(kit.organization, "API_KEY", "first")
    path = "/secret-manager/organizations/{org}/secrets"
    assert "value" not in kit.http("GET", path).json["secrets"][0]["versions"][0]
    told = kit.http("GET", path + "?return_secret_value=True").json["secrets"][0]["versions"][0]
    assert base64.b64decode(told["value"]) == b"first"
