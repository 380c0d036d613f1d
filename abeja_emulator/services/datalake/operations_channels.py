"""Operations on channels (`abeja/datalake/api/client.py`)."""

from typing import Any

from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.datalake.paths import CHANNEL, CHANNELS
from abeja_emulator.services.datalake.shapes import (
    ChannelChange,
    ChannelList,
    ChannelListView,
    ChannelView,
    NewChannel,
)
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

SOURCE = "abeja/datalake/api/client.py"


@operation(
    "POST",
    CHANNELS,
    body=NewChannel,
    answer=ChannelView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_channel",
)
def create_channel(call: Call[None, NewChannel]) -> dict[str, Any]:
    """Create a channel."""
    channels, organization = Channels(call.world), call.path["organization_id"]
    body = call.body
    channel = channels.create(organization, body.name, body.description, body.storage_type)
    return Accounts(call.world).envelope(organization, channel=channel)


@operation(
    "GET",
    CHANNELS,
    query=ChannelList,
    answer=ChannelListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} list_channels; the CLI filters by storage_type",
)
def list_channels(call: Call[ChannelList, None]) -> dict[str, Any]:
    """List channels in order of creation."""
    channels, organization = Channels(call.world), call.path["organization_id"]
    query = call.query
    archived = query.filter_archived == "include_archived"
    found, more = channels.select(organization, query.offset, query.limit, archived=archived)
    return Accounts(call.world).envelope(
        organization, channels=found, limit=query.limit, offset=query.offset, has_next=more
    )


@operation(
    "GET",
    CHANNEL,
    answer=ChannelView,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_channel",
)
def get_channel(call: Call[None, None]) -> dict[str, Any]:
    """Return a channel."""
    channels, organization = Channels(call.world), call.path["organization_id"]
    return Accounts(call.world).envelope(organization, channel=channels.get(organization, call.path["channel_id"]))


@operation(
    "PATCH",
    CHANNEL,
    body=ChannelChange,
    answer=ChannelView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} patch_channel",
)
def patch_channel(call: Call[None, ChannelChange]) -> dict[str, Any]:
    """Change a channel's name or description."""
    channels, organization = Channels(call.world), call.path["organization_id"]
    body = call.body
    channel = channels.update(organization, call.path["channel_id"], body.name, body.description)
    return Accounts(call.world).envelope(organization, channel=channel)


@operation(
    "POST",
    CHANNEL + "/archive",
    answer=ChannelView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} archive_channel",
)
def archive_channel(call: Call[None, None]) -> dict[str, Any]:
    """Archive a channel."""
    return _archive(call, archived=True)


@operation(
    "POST",
    CHANNEL + "/unarchive",
    answer=ChannelView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} unarchive_channel",
)
def unarchive_channel(call: Call[None, None]) -> dict[str, Any]:
    """Take an archived channel back."""
    return _archive(call, archived=False)


def _archive(call: Call[None, None], *, archived: bool) -> dict[str, Any]:
    channels, organization = Channels(call.world), call.path["organization_id"]
    channel = channels.archive(organization, call.path["channel_id"], archived=archived)
    return Accounts(call.world).envelope(organization, channel=channel)


OPERATIONS = operations_in(globals())
