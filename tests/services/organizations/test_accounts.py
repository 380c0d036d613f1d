"""Organizations, and who may do what: every kind of credential against open and strict authentication."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple

import abeja.exceptions
import pytest
from abeja.datalake.api.client import APIClient as DatalakeAPI
from abeja.datasets.api.client import APIClient as DatasetsAPI

from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from tests.services.wire import API, ZULU_SECONDS, Wire, bare, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


class Household(NamedTuple):
    """Two organizations and one of every kind of credential, as Authorization headers or requests' `auth`."""

    credentials: dict[str, Any]
    other_organization: str
    channel: str
    unlinked_channel: str
    job: str


@pytest.fixture
def household(platform: Platform) -> Household:
    """A default organization with a user, a job's token and a data source, and another one with a user."""
    world, organization = platform.world, platform.organization.id
    accounts, channels, definitions = Accounts(world), Channels(world), Definitions(world)
    with world.store.transaction():
        other = accounts.add_organization("other-org")
        stranger = accounts.add_user(other.id, "their-token", email="stranger@example.org")
        accounts.add_bearer_token(other.id, stranger.id, "their-bearer")
        accounts.add_bearer_token(organization, platform.user.id, "our-bearer")
        datasource = accounts.add_datasource(organization, "camera")
        channel = channels.create(organization, "linked")
        unlinked = channels.create(organization, "unlinked")
        channels.link(organization, channel.channel_id, datasource.datasource_id)
        definition = definitions.create(organization, "definition")
        version = definitions.create_version(definition, None, handler="train:handler")
        job = Jobs(world).create(definition, version, platform.user.id)
    return Household(
        {
            "none": None,
            "malformed": {"Authorization": "Digest nonsense"},
            "not base64": {"Authorization": "Basic ***"},
            "no prefix": ("1234567890123", "token"),
            "unknown user": ("user-1234567890123", "token"),
            "wrong token": (f"user-{platform.user.id}", "wrong"),
            "unknown bearer": {"Authorization": "Bearer nobody"},
            "wrong secret": (f"datasource-{datasource.datasource_id}", "wrong"),
            "user": Wire(platform).credential,
            "bearer": {"Authorization": "Bearer our-bearer"},
            "job": {"Authorization": f"Bearer {job.token}"},
            "datasource": (f"datasource-{datasource.datasource_id}", datasource.secret),
            "stranger": (f"user-{stranger.id}", "their-token"),
            "stranger bearer": {"Authorization": "Bearer their-bearer"},
        },
        other.id,
        channel.channel_id,
        unlinked.channel_id,
        job.training_job_id,
    )


def call(household: Household, who: str, path: str, method: str = "GET") -> Any:
    """Call with one of the household's credentials."""
    credential = household.credentials[who]
    if isinstance(credential, dict):
        return bare(method, API + path, headers=credential)
    return bare(method, API + path, auth=credential)


class TestOrganization:
    """GET /organizations/{organization_id}."""

    def test_by_id_and_by_name(self, platform: Platform, wire: Wire) -> None:
        """The CLI turns a name into an id with this call, so both find the same organization."""
        by_id = wire("GET", "/organizations/{org}").json()
        by_name = wire("GET", f"/organizations/{platform.organization.name}").json()
        check_answer("get_organization", by_id)
        assert by_id == by_name
        assert by_id["id"] == platform.organization.id
        assert ZULU_SECONDS.fullmatch(by_id["created_at"])

    def test_name_works_in_every_path(self, platform: Platform, wire: Wire) -> None:
        """The CLI puts the configured name into every path; what is created belongs to the id all the same."""
        name = platform.organization.name
        created = wire("POST", f"/organizations/{name}/datasets", json={"name": "a", "type": "custom", "props": {}})
        assert created.json()["organization_id"] == platform.organization.id
        assert [each["name"] for each in wire("GET", "/organizations/{org}/datasets").json()] == ["a"]

    def test_unknown(self, wire: Wire, platform: Platform) -> None:
        """An organization that does not exist is 404, and the refusal names those that do."""
        check_refusal(wire("GET", "/organizations/1999999999999"), 404, "1999999999999", platform.organization.id)


class TestOpen:
    """Open authentication: any well-formed credential is the default user."""

    @pytest.mark.parametrize("who", ["none", "malformed", "not base64", "no prefix"])
    def test_without_a_well_formed_credential(self, household: Household, platform: Platform, who: str) -> None:
        """No credential, or one that is none, is 401 even here."""
        check_refusal(call(household, who, f"/organizations/{platform.organization.id}/datasets"), 401, "Authorization")

    @pytest.mark.parametrize("who", ["unknown user", "wrong token", "unknown bearer", "wrong secret", "stranger"])
    def test_with_any_well_formed_credential(self, household: Household, platform: Platform, who: str) -> None:
        """Handlers carry credentials of their own; all of them are taken, for every organization and channel."""
        assert call(household, who, f"/organizations/{platform.organization.id}/datasets").status_code == 200
        assert call(household, who, f"/organizations/{household.other_organization}/datasets").status_code == 200
        assert call(household, who, f"/channels/{household.unlinked_channel}").status_code == 200

    def test_creator_is_the_default_user(self, household: Household, platform: Platform) -> None:
        """Whoever creates a job is the default user."""
        path = f"/organizations/{platform.organization.id}/training/definitions/definition/versions/1/jobs"
        response = bare("POST", API + path, json={}, headers=household.credentials["unknown bearer"])
        assert response.json()["creator"]["id"] == platform.user.id


class TestStrict:
    """Strict authentication: credentials are checked."""

    @pytest.fixture(autouse=True)
    def _strict(self, platform: Platform) -> None:
        platform.auth = "strict"

    @pytest.mark.parametrize(
        "who",
        [
            "none",
            "malformed",
            "not base64",
            "no prefix",
            "unknown user",
            "wrong token",
            "unknown bearer",
            "wrong secret",
        ],
    )
    def test_unknown_is_401(self, household: Household, platform: Platform, who: str) -> None:
        """An unknown credential is 401, wherever it knocks, and the refusal does not repeat it."""
        for path in (f"/organizations/{platform.organization.id}/datasets", f"/channels/{household.channel}"):
            response = call(household, who, path)
            check_refusal(response, 401)
            assert "wrong" not in response.text
            assert "nobody" not in response.text

    @pytest.mark.parametrize("who", ["user", "bearer", "job", "datasource"])
    def test_own_organization(self, household: Household, platform: Platform, who: str) -> None:
        """Users, bearer tokens, the token of a job and data sources get into their organization."""
        assert call(household, who, f"/organizations/{platform.organization.id}").status_code == 200
        assert call(household, who, f"/channels/{household.channel}").status_code == 200

    @pytest.mark.parametrize("who", ["stranger", "stranger bearer"])
    def test_another_organization_is_403(self, household: Household, platform: Platform, who: str) -> None:
        """A known credential of another organization is 403, also where the path names only a channel."""
        organization = platform.organization
        for named in (organization.id, organization.name):
            check_refusal(call(household, who, f"/organizations/{named}/datasets"), 403, household.other_organization)
        check_refusal(call(household, who, f"/channels/{household.channel}"), 403)
        check_refusal(call(household, who, f"/channels/{household.channel}/some-file", "DELETE"), 403)

    @pytest.mark.parametrize("who", ["user", "bearer", "job", "datasource"])
    def test_own_credentials_elsewhere(self, household: Household, who: str) -> None:
        """Nor do ours get into another organization."""
        check_refusal(call(household, who, f"/organizations/{household.other_organization}"), 403)

    def test_datasource_keeps_to_its_channels(self, household: Household, platform: Platform) -> None:
        """A data source uses the channels it is linked to, and cannot link itself to another."""
        channels = f"/organizations/{platform.organization.id}/channels"
        assert call(household, "datasource", f"{channels}/{household.channel}").status_code == 200
        identifier = household.credentials["datasource"][0].partition("-")[2]
        refused = [
            ("GET", f"/channels/{household.unlinked_channel}"),
            ("POST", f"/channels/{household.unlinked_channel}/upload"),
            ("GET", f"{channels}/{household.unlinked_channel}"),
            ("POST", f"{channels}/{household.unlinked_channel}/archive"),
            ("PUT", f"{channels}/{household.unlinked_channel}/datasources/{identifier}"),
        ]
        for method, path in refused:
            check_refusal(call(household, "datasource", path, method), 403, "not linked")

    def test_sdk_with_a_datasource(self, household: Household) -> None:
        """The SDK's own data source credential, which lacks the prefix, uploads and is refused elsewhere."""
        name, secret = household.credentials["datasource"]
        credential = {"datasource_id": name.partition("-")[2], "datasource_secret": secret}
        api = DatalakeAPI(credential=credential)
        assert api.post_channel_file_upload(household.channel, io.BytesIO(b"x"), "text/plain")["file_id"]
        with pytest.raises(abeja.exceptions.Forbidden, match="not linked"):
            api.post_channel_file_upload(household.unlinked_channel, io.BytesIO(b"x"), "text/plain")

    def test_sdk_sees_the_reason(self, household: Household, platform: Platform) -> None:
        """The SDK's Unauthorized and Forbidden carry the refusal's words."""
        unknown = DatasetsAPI(credential={"auth_token": "nobody"})
        with pytest.raises(abeja.exceptions.Unauthorized) as refused:
            unknown.list_datasets(platform.organization.id)
        assert "not known" in refused.value.error_description
        stranger = DatasetsAPI(credential={"auth_token": "their-bearer"})
        with pytest.raises(abeja.exceptions.Forbidden) as forbidden:
            stranger.list_datasets(platform.organization.id)
        assert household.other_organization in forbidden.value.error_description

    def test_token_of_a_deleted_job(self, household: Household, platform: Platform) -> None:
        """The token of a job is worth nothing once the job is gone."""
        path = f"/organizations/{platform.organization.id}/training/definitions/definition"
        assert call(household, "job", path).status_code == 200
        assert call(household, "user", path, "DELETE").status_code == 200
        check_refusal(call(household, "job", f"/organizations/{platform.organization.id}"), 401)

    def test_change_at_any_time(self, household: Household, platform: Platform) -> None:
        """A platform can become strict, and open again, between two calls."""
        path = f"/organizations/{platform.organization.id}"
        assert call(household, "unknown bearer", path).status_code == 401
        platform.auth = "open"
        assert call(household, "unknown bearer", path).status_code == 200
