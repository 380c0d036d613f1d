"""Channels of the datalake and the data sources linked to them, through the client of the API."""

import os

from .kit import Kit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def made(kit: Kit, *names: str) -> "list[str]":
    """Make a channel of each name, and return their ids."""
    api = kit.api("datalake")
    channels = [api.create_channel(kit.organization, name, f"about {name}", "datalake")["channel"] for name in names]
    return [channel["channel_id"] for channel in channels]


def check_life_of_a_channel(kit: Kit) -> None:
    """What is created is shown and listed, in an envelope that is the organization's."""
    api, organization = kit.api("datalake"), kit.organization
    assert api.list_channels(organization)["channels"] == []
    created = api.create_channel(organization, "camera", "front door", "file")
    channel = created["channel"]
    assert (channel["name"], channel["display_name"]) == ("camera", "camera")
    assert (channel["description"], channel["storage_type"], channel["archived"]) == ("front door", "file", False)
    assert api.get_channel(organization, channel["channel_id"]) == created
    listed = api.list_channels(organization)
    assert listed["channels"] == [channel]
    envelope = kit.http("GET", "/organizations/{org}").json
    for answer in (created, listed):
        assert answer["organization_id"] == organization
        assert answer["organization_name"] == envelope["name"]
        assert answer["created_at"] == envelope["created_at"]
    kit.refused(400, api.create_channel, organization, "camera", "front door", "no such type")
    # A name is not what a channel is known by.
    second = api.create_channel(organization, "camera", None, "datalake")["channel"]
    assert api.list_channels(organization)["channels"] == [channel, second]


def check_changing_a_channel(kit: Kit) -> None:
    """A name and a description are changed alone or together; the rest, and other channels, stay."""
    api, organization = kit.api("datalake"), kit.organization
    first, second = made(kit, "first", "second")
    before = api.get_channel(organization, second)
    renamed = api.patch_channel(organization, first, name="renamed")["channel"]
    assert (renamed["name"], renamed["display_name"], renamed["description"]) == ("renamed", "renamed", "about first")
    described = api.patch_channel(organization, first, description="other")["channel"]
    assert (described["name"], described["description"]) == ("renamed", "other")
    both = api.patch_channel(organization, first, name="third", description="words")["channel"]
    assert api.get_channel(organization, first)["channel"] == both
    assert (both["name"], both["description"], both["storage_type"]) == ("third", "words", "datalake")
    assert both["created_at"] == renamed["created_at"]
    assert api.get_channel(organization, second) == before
    assert [each["name"] for each in api.list_channels(organization)["channels"]] == ["third", "second"]


def check_archiving_a_channel(kit: Kit) -> None:
    """An archived channel is listed only where it is asked for, keeps its files and its place, and can come back."""
    api, organization = kit.api("datalake"), kit.organization
    ids = made(kit, "first", "second", "third")
    file_id = api.post_channel_file_upload(ids[1], b"kept", "text/plain")["file_id"]

    def listed(**options: "Any") -> "list[str]":
        return [each["channel_id"] for each in api.list_channels(organization, **options)["channels"]]

    assert api.archive_channel(organization, ids[1])["channel"]["archived"] is True
    assert api.get_channel(organization, ids[1])["channel"]["archived"] is True
    assert listed() == [ids[0], ids[2]]
    assert listed(filter_archived=True) == [ids[0], ids[2]]
    # What SDK and platform mean by false: nothing is filtered.
    assert listed(filter_archived=False) == ids
    assert [each["file_id"] for each in api.list_channel_files(ids[1])["files"]] == [file_id]
    assert api.unarchive_channel(organization, ids[1])["channel"]["archived"] is False
    assert listed() == ids


def check_pages_of_channels(kit: Kit) -> None:
    """A page begins and ends where it is asked to, and says whether there are more."""
    api, organization = kit.api("datalake"), kit.organization
    ids = made(kit, *(f"channel {number}" for number in range(5)))
    for offset, limit, more in ((0, 2, True), (2, 2, True), (4, 2, False), (3, 2, False), (5, 2, False)):
        page = api.list_channels(organization, limit=limit, offset=offset)
        assert [each["channel_id"] for each in page["channels"]] == ids[offset : offset + limit]
        assert (page["limit"], page["offset"], page["has_next"]) == (limit, offset, more)
    whole = api.list_channels(organization)
    assert ([each["channel_id"] for each in whole["channels"]], whole["has_next"]) == (ids, False)


def check_channels_that_are_not_there(kit: Kit) -> None:
    """Whatever is asked of one is refused, and of its files too."""
    api, organization, nowhere = kit.api("datalake"), kit.organization, "1999999999999"
    kit.refused(404, api.get_channel, organization, nowhere)
    kit.refused(404, api.patch_channel, organization, nowhere, name="name")
    kit.refused(404, api.archive_channel, organization, nowhere)
    kit.refused(404, api.unarchive_channel, organization, nowhere)
    kit.refused(404, api.list_channel_datasources, organization, nowhere)
    kit.refused(404, api.put_channel_datasource, organization, nowhere, os.environ["ABEJA_PLATFORM_DATASOURCE_ID"])
    kit.refused(404, api.delete_channel_datasource, organization, nowhere, os.environ["ABEJA_PLATFORM_DATASOURCE_ID"])
    kit.refused(404, api.list_channel_files, nowhere)
    kit.refused(404, api.post_channel_file_upload, nowhere, b"content", "text/plain")
    kit.refused(404, api.get_channel_file_upload, nowhere, "text/plain")
    assert api.list_channels(organization)["channels"] == []


def check_links_of_a_data_source(kit: Kit) -> None:
    """A data source may use exactly the channels that it is linked to, as long as it is."""
    api, organization = kit.api("datalake"), kit.organization
    datasource_id = os.environ["ABEJA_PLATFORM_DATASOURCE_ID"]
    secret = os.environ["ABEJA_PLATFORM_DATASOURCE_SECRET"]
    first, second = made(kit, "first", "second")

    def linked(channel_id: str) -> "list[str]":
        answer = api.list_channel_datasources(organization, channel_id)
        return [each["datasource_id"] for each in answer["datasources"]]

    def may_use(channel_id: str) -> bool:
        answer = kit.http("GET", f"/channels/{channel_id}", credential=(f"datasource-{datasource_id}", secret))
        assert answer.status in (200, 403)
        return answer.status == 200

    assert (linked(first), linked(second), may_use(first), may_use(second)) == ([], [], False, False)
    put = api.put_channel_datasource(organization, first, datasource_id)
    assert (put["datasource"]["datasource_id"], put["datasource"]["secret"]) == (datasource_id, secret)
    assert api.list_channel_datasources(organization, first)["datasources"] == [put["datasource"]]
    assert (linked(second), may_use(first), may_use(second)) == ([], True, False)
    kit.refused(409, api.put_channel_datasource, organization, first, datasource_id)
    api.put_channel_datasource(organization, second, datasource_id)
    assert (may_use(first), may_use(second)) == (True, True)
    gone = api.delete_channel_datasource(organization, first, datasource_id)
    assert gone["datasource"]["datasource_id"] == datasource_id
    assert (linked(first), linked(second)) == ([], [datasource_id])
    assert (may_use(first), may_use(second)) == (False, True)
    kit.refused(404, api.delete_channel_datasource, organization, first, datasource_id)
    kit.refused(404, api.put_channel_datasource, organization, first, "1999999999999")
