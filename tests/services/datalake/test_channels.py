"""Channels, and the data sources linked to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest

from tests.services.wire import PLATFORM_ID, ZULU_SECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.datalake.api.client import APIClient
    from abeja.datalake.client import Client

    from abeja_emulator.platform import Platform

CHANNELS = "/organizations/{org}/channels"


def check_envelope(platform: Platform, answer: dict[str, Any], *content: str) -> None:
    """Check that an answer is `content` with the organization around it."""
    organization = platform.organization
    assert set(answer) == {"organization_id", "organization_name", "created_at", "updated_at", *content}
    assert answer["organization_id"] == organization.id
    assert answer["organization_name"] == organization.name
    assert ZULU_SECONDS.fullmatch(answer["created_at"])
    assert answer["created_at"] == organization.created_at
    assert answer["updated_at"] == organization.updated_at


class TestCreate:
    """POST /organizations/{organization_id}/channels."""

    @pytest.mark.parametrize("storage_type", ["datalake", "file"])
    def test_answer(self, platform: Platform, api: APIClient, organization: str, storage_type: str) -> None:
        """A new channel, in its envelope, shows what was sent; its times end in Z."""
        answer = api.create_channel(organization, "写真", "a description", storage_type)
        check_answer("create_channel", answer)
        check_envelope(platform, answer, "channel")
        channel = answer["channel"]
        assert PLATFORM_ID.fullmatch(channel["channel_id"])
        assert ZULU_SECONDS.fullmatch(channel["created_at"])
        assert channel == {
            "channel_id": channel["channel_id"],
            "name": "写真",
            "display_name": "写真",
            "description": "a description",
            "storage_type": storage_type,
            "security_method": "organization",
            "archived": False,
            "created_at": channel["created_at"],
            "updated_at": channel["created_at"],
        }

    def test_as_the_cli_sends_it(self, wire: Wire) -> None:
        """Without storage_type a channel is a datalake; nothing else is needed either."""
        for body in ({}, {"name": "a"}, {"name": "a", "description": "b"}):
            channel = wire("POST", CHANNELS, json=body).json()["channel"]
            assert channel["storage_type"] == "datalake"
            assert {key: channel[key] for key in body} == body

    def test_as_object(self, datalake: Client) -> None:
        """The SDK's channel has every property, and is found again."""
        created = datalake.channels.create("a", "b", "datalake")
        assert (created.name, created.display_name, created.description) == ("a", "a", "b")
        found = datalake.get_channel(created.channel_id)
        assert vars(found) | {"_api": None} == vars(created) | {"_api": None}

    def test_names_need_not_be_unique(self, datalake: Client) -> None:
        """Two channels may have one name: they are two all the same."""
        ids = {datalake.channels.create("a", "", "datalake").channel_id for _ in range(2)}
        assert {channel.channel_id for channel in datalake.channels.list()} == ids
        assert len(ids) == 2

    @pytest.mark.parametrize("body", [{"storage_type": "bucket"}, {"name": 1}, {"description": []}, [], "x"])
    def test_wrong(self, wire: Wire, body: Any) -> None:
        """A body that is no channel is 400."""
        check_refusal(wire("POST", CHANNELS, json=body), 400, "create_channel")
        assert wire("GET", CHANNELS).json()["channels"] == []


class TestList:
    """GET /organizations/{organization_id}/channels."""

    def test_answer(self, platform: Platform, api: APIClient, organization: str) -> None:
        """The list is in order of creation, with its limits and whether there is more."""
        created = [api.create_channel(organization, name, "", "datalake")["channel"] for name in ("c", "a", "b")]
        answer = api.list_channels(organization)
        check_answer("list_channels", answer)
        check_envelope(platform, answer, "channels", "limit", "offset", "has_next")
        assert answer["channels"] == created
        assert (answer["limit"], answer["offset"], answer["has_next"]) == (50, 0, False)

    @pytest.mark.parametrize(
        ("limit", "offset", "found", "has_next"),
        [
            (2, 0, [0, 1], True),
            (2, 1, [1, 2], False),
            (3, 0, [0, 1, 2], False),
            (1000, 2, [2], False),
            (1, 9, [], False),
        ],
    )
    def test_pages(
        self, api: APIClient, organization: str, limit: int, offset: int, found: list[int], *, has_next: bool
    ) -> None:
        """A list is cut by limit and offset, which are repeated in it; has_next says whether something is left."""
        created = [api.create_channel(organization, str(number), "", "datalake")["channel"] for number in range(3)]
        answer = api.list_channels(organization, limit=limit, offset=offset)
        assert answer["channels"] == [created[place] for place in found]
        assert (answer["limit"], answer["offset"], answer["has_next"]) == (limit, offset, has_next)

    def test_archived(self, api: APIClient, organization: str, datalake: Client) -> None:
        """Archived channels are left out unless asked for; has_next does not count them."""
        kept, archived = (api.create_channel(organization, name, "", "datalake")["channel"] for name in "ab")
        api.archive_channel(organization, archived["channel_id"])

        def listed(**arguments: Any) -> list[str]:
            return [each["channel_id"] for each in api.list_channels(organization, **arguments)["channels"]]

        both = [kept["channel_id"], archived["channel_id"]]
        # The SDK's True means to exclude them, whatever its documentation says.
        assert listed() == listed(filter_archived=True) == both[:1]
        assert listed(filter_archived=False) == both
        assert [channel.channel_id for channel in datalake.channels.list()] == both[:1]
        assert api.list_channels(organization, limit=1)["has_next"] is False
        assert api.list_channels(organization, limit=1, filter_archived=False)["has_next"] is True

    @pytest.mark.parametrize("query", ["limit=0", "limit=x", f"limit={2**70}", "offset=-1", "filter_archived=True"])
    def test_wrong(self, wire: Wire, query: str) -> None:
        """What is no part of a list is 400."""
        check_refusal(wire("GET", f"{CHANNELS}?{query}"), 400, query.partition("=")[0])

    def test_organizations_are_apart(self, platform: Platform, api: APIClient, datalake: Client) -> None:
        """A channel is not found through another organization."""
        other = platform.seed.organization("other-org").id
        channel = datalake.channels.create("a", "", "datalake")
        assert api.list_channels(other)["channels"] == []
        for call in (api.get_channel, api.patch_channel, api.archive_channel, api.list_channel_datasources):
            with pytest.raises(abeja.exceptions.NotFound, match=channel.channel_id):
                call(other, channel.channel_id)


class TestChange:
    """PATCH, archive and unarchive."""

    def test_patch(self, platform: Platform, api: APIClient, organization: str) -> None:
        """What is given changes, what is not stays, and so do the times."""
        created = api.create_channel(organization, "a", "b", "file")["channel"]
        platform.clock.advance(2)
        answer = api.patch_channel(organization, created["channel_id"], name="new")
        check_answer("patch_channel", answer)
        check_envelope(platform, answer, "channel")
        changed = answer["channel"]
        assert changed["updated_at"] > created["updated_at"]
        assert changed == {**created, "name": "new", "display_name": "new", "updated_at": changed["updated_at"]}
        again = api.patch_channel(organization, created["channel_id"], description="other")["channel"]
        assert (again["name"], again["description"]) == ("new", "other")
        assert api.get_channel(organization, created["channel_id"])["channel"] == again

    def test_patch_nothing(self, datalake: Client) -> None:
        """The SDK sends no empty text, and an empty body changes nothing."""
        channel = datalake.channels.create("a", "b", "datalake")
        patched = datalake.channels.patch(channel.channel_id, name="", description="")
        assert (patched.name, patched.description) == ("a", "b")
        assert datalake.channels.patch(channel.channel_id, name="c", description="d").display_name == "c"

    def test_archive(self, platform: Platform, api: APIClient, organization: str) -> None:
        """An archived channel says so, keeps its files, and can be taken back."""
        created = api.create_channel(organization, "a", "b", "datalake")["channel"]
        identifier = created["channel_id"]
        file_id = platform.seed.file(identifier, "content")
        for call, archived in (
            (api.archive_channel, True),
            (api.archive_channel, True),
            (api.unarchive_channel, False),
        ):
            answer = call(organization, identifier)
            check_answer("archive_channel", answer)
            check_envelope(platform, answer, "channel")
            assert answer["channel"]["archived"] is archived
            assert api.get_channel(organization, identifier) == answer
            assert [file["file_id"] for file in api.list_channel_files(identifier)["files"]] == [file_id]

    def test_unknown(self, datalake: Client, api: APIClient, organization: str) -> None:
        """A channel that does not exist is 404, and the refusal names those that do."""
        channel = datalake.channels.create("photos", "", "datalake")
        for call in (api.get_channel, api.patch_channel, api.archive_channel, api.unarchive_channel):
            with pytest.raises(abeja.exceptions.NotFound) as refused:
                call(organization, "1999999999999")
            assert f"{channel.channel_id} (photos)" in refused.value.error_description


class TestDatasources:
    """…/channels/{channel_id}/datasources."""

    def test_link_list_unlink(self, platform: Platform, api: APIClient, organization: str, datalake: Client) -> None:
        """A data source is linked once, listed while it is, and shown with its secret."""
        channel = datalake.channels.create("a", "", "datalake").channel_id
        other = datalake.channels.create("b", "", "datalake").channel_id
        datasource = platform.seed.datasource("camera").datasource_id
        linked = api.put_channel_datasource(organization, channel, datasource)
        check_answer("put_channel_datasource", linked)
        check_envelope(platform, linked, "datasource")
        shown = linked["datasource"]
        assert (shown["datasource_id"], shown["display_name"]) == (datasource, "camera")
        assert re.fullmatch(r"[0-9a-f]{40}", shown["secret"])
        assert ZULU_SECONDS.fullmatch(shown["created_at"])

        with pytest.raises(abeja.exceptions.Conflict, match="already"):
            api.put_channel_datasource(organization, channel, datasource)
        listed = api.list_channel_datasources(organization, channel)
        check_answer("list_channel_datasources", listed)
        check_envelope(platform, listed, "datasources", "limit", "offset", "has_next")
        assert listed["datasources"] == [shown]
        assert (listed["limit"], listed["offset"], listed["has_next"]) == (50, 0, False)
        assert api.list_channel_datasources(organization, other)["datasources"] == []

        api.put_channel_datasource(organization, other, datasource)
        unlinked = api.delete_channel_datasource(organization, channel, datasource)
        check_answer("delete_channel_datasource", unlinked)
        assert unlinked["datasource"]["datasource_id"] == datasource
        assert api.list_channel_datasources(organization, channel)["datasources"] == []
        assert len(api.list_channel_datasources(organization, other)["datasources"]) == 1
        with pytest.raises(abeja.exceptions.NotFound, match="not linked"):
            api.delete_channel_datasource(organization, channel, datasource)
        api.put_channel_datasource(organization, channel, datasource)

    def test_pages(self, platform: Platform, wire: Wire, api: APIClient, organization: str, datalake: Client) -> None:
        """The list is cut like that of channels."""
        channel = datalake.channels.create("a", "", "datalake").channel_id
        ids = [platform.seed.datasource(str(number)).datasource_id for number in range(52)]
        for identifier in ids:
            api.put_channel_datasource(organization, channel, identifier)
        path = f"{CHANNELS}/{channel}/datasources"
        for query, found, has_next in (("", ids[:50], True), ("?limit=2&offset=50", ids[50:], False)):
            page = wire("GET", path + query).json()
            assert [each["datasource_id"] for each in page["datasources"]] == found
            assert page["has_next"] is has_next

    def test_unknown(self, platform: Platform, api: APIClient, organization: str, datalake: Client) -> None:
        """An unknown channel or data source, or one of another organization, is 404."""
        channel = datalake.channels.create("a", "", "datalake").channel_id
        datasource = platform.seed.datasource().datasource_id
        for place, identifier in ((channel, "1999999999999"), ("1999999999999", datasource)):
            for call in (api.put_channel_datasource, api.delete_channel_datasource):
                with pytest.raises(abeja.exceptions.NotFound, match="1999999999999"):
                    call(organization, place, identifier)
