"""What users of each role may do: every operation against every role, and the SDK with the credential of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import abeja.exceptions
import pytest
from abeja.datasets.api.client import APIClient as DatasetsAPI
from abeja.security.api.client import APIClient as SecurityAPI

from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.wire.operations import Access, Operation, Role
from tests.services.test_catalogue import filled
from tests.services.wire import API, Wire, bare, check_refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.platform import Platform

OFFICE, HOME = "192.0.2.0/24", "203.0.113.0/24"

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
    """Whoever is regular only looks; who gets in is for administrators; the rest is a developer's."""
    looking = {each.name for each in GUARDED if each.method == "GET" and each.role is not Role.REGULAR}
    # It shows credentials of developers.
    assert looking == {"list_channel_datasources"}
    written = {each.name: each.role for each in GUARDED if each.method != "GET"}
    admin = {name for name, role in written.items() if role is Role.ADMIN}
    assert admin == {"create_ip_address", "update_ip_address", "delete_ip_address"}
    # A question, and what a model is asked, change nothing, whatever their method.
    asking = {name for name, role in written.items() if role is Role.REGULAR}
    assert {"check_ip_address"} <= asking <= {"check_ip_address", "request_service", "request_deployment"}


class Somebody(NamedTuple):
    """A user of a role, and the SDK with that user's credential."""

    user_id: str
    datasets: DatasetsAPI
    security: SecurityAPI


@pytest.fixture
def somebody(platform: Platform, request: pytest.FixtureRequest) -> Somebody:
    """A user of the role that the test is for; credentials are checked."""
    platform.auth = "strict"
    user = platform.seed.user("token", f"{request.param}@example.com", role=request.param)
    credential = {"user_id": user.id, "personal_access_token": "token"}
    return Somebody(user.id, DatasetsAPI(credential), SecurityAPI(credential))


def test_names_of_roles(platform: Platform) -> None:
    """A role is kept as other objects show it, and what is none is refused with those there are."""
    assert platform.seed.user("token", role="Developer").view()["role"] == "developer"
    with pytest.raises(ValueError, match="'root'; a user is admin, developer or regular"):
        platform.seed.user("token", role="root")


class TestWithTheSDK:
    """What the SDK hears."""

    @pytest.fixture
    def office(self, platform: Platform) -> str:
        """Id of a network that is let in."""
        return platform.seed.cidr(OFFICE)

    @pytest.mark.parametrize("somebody", ["regular", "developer", "admin"], indirect=True)
    def test_anybody_looks(self, somebody: Somebody, organization: str, office: str) -> None:
        """At everything, and asks whether an address is let in."""
        assert somebody.datasets.list_datasets(organization) == []
        assert somebody.security.get_ip_addresses(organization)["cidrs"] == [OFFICE]
        assert somebody.security.get_ip_address(organization, office)["cidr"] == OFFICE
        assert somebody.security.check_ip_address(organization, {"ip_address": "192.0.2.7"})["accessible"] is True

    @pytest.mark.parametrize(
        ("somebody", "allowed"), [("regular", False), ("developer", True), ("admin", True)], indirect=["somebody"]
    )
    def test_developers_make(self, somebody: Somebody, organization: str, allowed: bool) -> None:
        """Datasets and their like; a regular user is refused and hears which role it takes."""
        if allowed:
            somebody.datasets.create_dataset(organization, "a", "custom", {})
        else:
            with pytest.raises(abeja.exceptions.Forbidden) as refused:
                somebody.datasets.create_dataset(organization, "a", "custom", {})
            said = f"create_dataset needs the role developer, and user {somebody.user_id} is regular"
            assert refused.value.error_description == said
        assert len(somebody.datasets.list_datasets(organization)) == allowed

    @pytest.mark.parametrize(
        ("somebody", "allowed"), [("regular", False), ("developer", False), ("admin", True)], indirect=["somebody"]
    )
    def test_administrators_say_who_gets_in(
        self,
        somebody: Somebody,
        organization: str,
        office: str,
        allowed: bool,
    ) -> None:
        """The list of networks is theirs; whoever else changes it is refused, and it stays as it is."""
        api = somebody.security
        calls: list[tuple[str, Callable[[], Any]]] = [
            ("create_ip_address", lambda: api.create_ip_address(organization, {"cidr": HOME})),
            ("update_ip_address", lambda: api.update_ip_address(organization, office, {"description": "o"})),
            ("delete_ip_address", lambda: api.delete_ip_address(organization, office)),
        ]
        for name, call in calls:
            if allowed:
                call()
                continue
            with pytest.raises(abeja.exceptions.Forbidden, match=f"{name} needs the role admin"):
                call()
        assert api.get_ip_addresses(organization)["cidrs"] == ([HOME] if allowed else [OFFICE])

    @pytest.mark.parametrize("auth", ["open", "strict"])
    def test_the_default_user(self, platform: Platform, organization: str, auth: Any) -> None:
        """May do everything, however credentials are looked at."""
        platform.auth = auth
        made = SecurityAPI().create_ip_address(organization, {"cidr": OFFICE})
        assert SecurityAPI().delete_ip_address(organization, made["id"])["cidr"] == OFFICE

    @pytest.mark.parametrize("somebody", ["regular"], indirect=True)
    def test_with_open_authentication(self, platform: Platform, somebody: Somebody, organization: str) -> None:
        """Every credential is the default user's, whoever it belongs to elsewhere."""
        platform.auth = "open"
        somebody.security.create_ip_address(organization, {"cidr": OFFICE})


@pytest.mark.parametrize("role", Role, ids=lambda role: role.name.lower())
def test_a_job_posts_whoever_made_it(platform: Platform, role: Role) -> None:
    """Its token is good for what its user may do, and for what a developer may when a regular user made it."""
    platform.auth = "strict"
    user = platform.seed.user("token", role=role.name.lower())
    with platform.world.store.transaction():
        Accounts(platform.world).add_bearer_token(platform.organization.id, user.id, "of-a-job", "1000000000001")
    headers = {"Authorization": "Bearer of-a-job"}
    url = f"{API}/organizations/{platform.organization.id}"
    new = {"name": "a", "type": "custom", "props": {}}
    assert bare("POST", f"{url}/datasets", headers=headers, json=new).status_code == 200
    listed = bare("POST", f"{url}/security/cidrs", headers=headers, json={"cidr": OFFICE})
    assert listed.status_code == (200 if role is Role.ADMIN else 403)
    own = bare("POST", f"{url}/datasets", auth=(f"user-{user.id}", "token"), json={**new, "name": "b"})
    assert own.status_code == (200 if role >= Role.DEVELOPER else 403)


@pytest.mark.parametrize("role", Role, ids=lambda role: role.name.lower())
def test_a_bearer_token_is_as_good_as_its_user(platform: Platform, role: Role) -> None:
    """It has the role of the user it belongs to."""
    platform.auth = "strict"
    user = platform.seed.user("token", role=role.name.lower())
    platform.seed.bearer_token("a-bearer", user.id)
    new = {"name": "a", "type": "custom", "props": {}}
    headers = {"Authorization": "Bearer a-bearer"}
    url = f"{API}/organizations/{platform.organization.id}"
    assert bare("GET", f"{url}/datasets", headers=headers).status_code == 200
    made = bare("POST", f"{url}/datasets", headers=headers, json=new)
    assert made.status_code == (200 if role >= Role.DEVELOPER else 403)
    listed = bare("POST", f"{url}/security/cidrs", headers=headers, json={"cidr": OFFICE})
    assert listed.status_code == (200 if role is Role.ADMIN else 403)


def test_a_data_source_is_no_administrator(platform: Platform) -> None:
    """It does what a developer may, on its channels."""
    source = platform.seed.datasource("camera")
    platform.auth = "strict"
    auth = (f"datasource-{source.datasource_id}", source.secret)
    answer = Wire(platform)("POST", "/organizations/{org}/security/cidrs", auth=auth, json={"cidr": OFFICE})
    check_refusal(answer, 403, "needs the role admin")
