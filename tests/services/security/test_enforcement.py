"""Allow lists that are enforced: who is let in, from where, and to what."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import msgspec
import pytest
from abeja.datalake.api.client import APIClient as DatalakeAPI

from abeja_emulator.platform import Platform
from abeja_emulator.services.buckets.records import Bucket
from abeja_emulator.services.datalake.records import Channel
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.transports.loopback import Loopback
from tests.services.wire import API, Wire, bare, check_refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja.security.api.client import APIClient

OFFICE = "192.0.2.0/24"
AT_THE_OFFICE, ELSEWHERE = "192.0.2.7", "203.0.113.9"
ORGANIZATION = "/organizations/{org}"


@pytest.fixture
def enforced(platform: Platform, api: APIClient, organization: str) -> Platform:
    """A Platform whose organization lets in the office only, with calls from elsewhere."""
    api.create_ip_address(organization, {"cidr": OFFICE})
    platform.enforce_cidrs = True
    platform.client_address = ELSEWHERE
    return platform


def with_method(platform: Platform, kind: str, record: Any, identifier: str) -> None:
    """Give a channel or a bucket another security method, which no operation does."""
    organization = platform.organization.id
    with platform.world.store.transaction():
        table = platform.world.store.table(kind, record)
        kept = table.get(organization, identifier)
        assert kept is not None
        table.update(organization, identifier, msgspec.structs.replace(kept, security_method="none"))


class TestSwitch:
    """`Platform.enforce_cidrs`."""

    def test_off_by_default(self, platform: Platform, api: APIClient, wire: Wire, organization: str) -> None:
        """A list alone keeps nobody out, though a check says whom it would."""
        api.create_ip_address(organization, {"cidr": OFFICE})
        platform.client_address = ELSEWHERE
        assert platform.enforce_cidrs is False
        assert wire("GET", ORGANIZATION).status_code == 200
        assert api.check_ip_address(organization, {"ip_address": ELSEWHERE})["accessible"] is False

    def test_on_and_off(self, enforced: Platform, wire: Wire) -> None:
        """At any time; the refusal says from where the call came, what is let in, and that nothing was done."""
        refused = wire("POST", f"{ORGANIZATION}/datasets", json={"name": "a", "type": "custom", "props": {}})
        check_refusal(refused, 403, OFFICE, ELSEWHERE, enforced.organization.id)
        assert refused.json()["error"] == "forbidden"
        enforced.enforce_cidrs = False
        assert wire("GET", f"{ORGANIZATION}/datasets").json() == []

    def test_from_the_start(self) -> None:
        """Or when a Platform is made; an organization without a list lets everybody in."""
        with Platform(enforce_cidrs=True) as platform, Loopback(platform) as loopback:
            url = f"{loopback.url}/organizations/{platform.organization.id}"
            assert bare("GET", url, auth=Wire(platform).credential).status_code == 200


class TestWhere:
    """Where a call comes from."""

    def test_of_this_process(self, enforced: Platform, wire: Wire) -> None:
        """From this machine, or from wherever the Platform is told."""
        for address, status in ((AT_THE_OFFICE, 200), (ELSEWHERE, 403), ("::ffff:192.0.2.1", 200), ("::1", 403)):
            enforced.client_address = address
            assert wire("GET", ORGANIZATION).status_code == status
        with Platform() as fresh:
            assert fresh.client_address == "127.0.0.1"

    def test_over_the_loopback(self, enforced: Platform, api: APIClient, organization: str) -> None:
        """From the peer of the connection, whatever the Platform is told and whatever a header says."""
        enforced.client_address = AT_THE_OFFICE
        headers = {"X-Forwarded-For": AT_THE_OFFICE, "Authorization": "Bearer token-of-anybody"}
        with Loopback(enforced) as loopback:
            url = f"{loopback.url}/organizations/{organization}"
            check_refusal(bare("GET", url, headers=headers), 403, "127.0.0.1")
            api.create_ip_address(organization, {"cidr": "127.0.0.0/8"})
            assert bare("GET", url, headers=headers).status_code == 200

    @pytest.mark.parametrize("wrong", ["office", "", OFFICE])
    def test_no_address(self, enforced: Platform, wrong: str) -> None:
        """What the Platform is told has to be an address, and else stays as it was."""
        with pytest.raises(ValueError, match=repr(wrong)):
            enforced.client_address = wrong
        assert enforced.client_address == ELSEWHERE


class TestWhat:
    """What a list is about."""

    def test_everything_of_the_organization(self, enforced: Platform, wire: Wire) -> None:
        """By id or by name, the list itself too, and what another organization has is none of it."""
        other = enforced.seed.organization("other-org")
        for path in (ORGANIZATION, f"/organizations/{enforced.organization.name}/datasets", f"{ORGANIZATION}/buckets"):
            check_refusal(wire("GET", path), 403, OFFICE)
        check_refusal(wire("DELETE", f"{ORGANIZATION}/security/cidrs/1"), 403, OFFICE)
        assert wire("GET", f"/organizations/{other.id}").status_code == 200
        assert wire("GET", f"/organizations/{other.id}/security/cidrs").json()["cidrs"] == []

    def test_unknown_comes_first(self, enforced: Platform, organization: str) -> None:
        """Who has no credential hears that, and what does not exist is not there."""
        check_refusal(bare("GET", f"{API}/organizations/{organization}"), 401)
        check_refusal(Wire(enforced)("GET", "/organizations/1999999999999"), 404)
        check_refusal(Wire(enforced)("GET", "/channels/1999999999999"), 404)

    @pytest.mark.parametrize("address", [AT_THE_OFFICE, ELSEWHERE])
    def test_channels(self, enforced: Platform, organization: str, address: str) -> None:
        """A channel follows its organization, also where its path does not name that, if its method says so."""
        channel = enforced.seed.channel("c")
        enforced.client_address = address
        api = DatalakeAPI()
        calls: list[Callable[[], Any]] = [
            partial(api.get_channel, organization, channel),
            partial(api.list_channel_files, channel),
            partial(api.post_channel_file_upload, channel, io.BytesIO(b"x"), "text/plain"),
        ]
        for call in calls:
            if address == ELSEWHERE:
                with pytest.raises(abeja.exceptions.Forbidden, match=ELSEWHERE):
                    call()
            else:
                call()
        with_method(enforced, "channel", Channel, channel)
        for call in calls:
            call()
        if address == ELSEWHERE:
            with pytest.raises(abeja.exceptions.Forbidden):
                api.list_channels(organization)

    def test_buckets(self, enforced: Platform, organization: str) -> None:
        """So does a bucket."""
        enforced.client_address = AT_THE_OFFICE
        api = DatalakeAPI()
        bucket = api.create_bucket(organization, "b", "")["bucket"]["bucket_id"]
        enforced.client_address = ELSEWHERE
        with pytest.raises(abeja.exceptions.Forbidden, match=ELSEWHERE):
            api.list_bucket_files(organization, bucket)
        with_method(enforced, "bucket", Bucket, bucket)
        assert api.list_bucket_files(organization, bucket)["files"] == []

    def test_signed_urls(self, enforced: Platform) -> None:
        """A signed URL opens its file from everywhere: it is its own permission."""
        enforced.client_address = AT_THE_OFFICE
        channel = enforced.seed.channel("c")
        file_id = enforced.seed.file(channel, "content")
        url = DatalakeAPI().get_channel_file_download(channel, file_id)["download_uri"]
        enforced.client_address = ELSEWHERE
        assert bare("GET", url).content == b"content"

    @pytest.mark.parametrize("auth", ["open", "strict"])
    def test_jobs(self, enforced: Platform, auth: Any) -> None:
        """The token of a job is let in: jobs run on the platform itself. Any other bearer token is not."""
        enforced.auth = auth
        world, organization = enforced.world, enforced.organization.id
        with world.store.transaction():
            definitions = Definitions(world)
            definition = definitions.create(organization, "d")
            version = definitions.create_version(definition, None, handler="train:handler")
            job = Jobs(world).create(definition, version, enforced.user.id)
        url = f"{API}/organizations/{organization}"
        assert bare("GET", url, headers={"Authorization": f"Bearer {job.token}"}).status_code == 200
        check_refusal(bare("GET", url, auth=Wire(enforced).credential), 403, ELSEWHERE)
        if auth == "open":
            check_refusal(bare("GET", url, headers={"Authorization": "Bearer another"}), 403, ELSEWHERE)
