"""What users of each role may do: every operation against every role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.wire.operations import Access, Operation, Role
from tests.services.test_catalogue import filled
from tests.services.wire import bare

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform

GUARDED = [each for each in all_operations() if each.rule is not None and each.access is Access.CREDENTIAL]


def refused_for_role(platform: Platform, operation: Operation, user_id: str) -> bool:
    """Call an operation on ids of nothing, and tell whether the role is what it was refused for."""
    answer = bare(operation.method, filled(operation, platform.organization.id), auth=(f"user-{user_id}", "token"))
    return answer.status_code == 403 and "needs the role" in answer.json()["error_description"]


@pytest.mark.parametrize("role", Role, ids=lambda role: role.name.lower())
def test_every_operation(platform: Platform, role: Role) -> None:
    """A role may call what asks for it or for less, and nothing else; the refusal names both roles."""
    platform.auth = "strict"
    with platform.world.store.transaction():
        accounts = Accounts(platform.world)
        user = accounts.add_user(platform.organization.id, "token", email="a@example.com", role=role.name.lower())
    refused = {each.name for each in GUARDED if refused_for_role(platform, each, user.id)}
    assert refused == {each.name for each in GUARDED if each.role > role}


def test_who_may_do_what() -> None:
    """Whoever is regular only looks; what belongs to the administration asks for an admin."""
    assert all(each.role is Role.REGULAR for each in GUARDED if each.method == "GET")
    assert {each.role for each in GUARDED if each.method != "GET"} >= {Role.DEVELOPER}


def test_a_job_posts_whoever_made_it(platform: Platform) -> None:
    """Its token is good for what a developer may do, also when a regular user made it."""
    platform.auth = "strict"
    with platform.world.store.transaction():
        accounts = Accounts(platform.world)
        user = accounts.add_user(platform.organization.id, "token", email="a@example.com", role="regular")
        accounts.add_bearer_token(platform.organization.id, user.id, "of-a-job", "1000000000001")
    headers = {"Authorization": "Bearer of-a-job"}
    url = f"https://api.abeja.io/organizations/{platform.organization.id}/datasets"
    new = {"name": "a", "type": "custom", "props": {}}
    assert bare("POST", url, headers=headers, json=new).status_code == 200
    assert bare("POST", url, auth=(f"user-{user.id}", "token"), json=new).status_code == 403
