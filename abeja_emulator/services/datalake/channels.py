"""State and rules of channels and of the data sources linked to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from abeja_emulator.errors import BadRequest, Conflict, NotFound
from abeja_emulator.services.datalake.records import Channel
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.times import second

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abeja_emulator.services.organizations.records import Datasource
    from abeja_emulator.wire.call import World


class Channels:
    """The channels of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._channels = world.store.table("channel", Channel)
        self._accounts = Accounts(world)

    def create(
        self,
        organization_id: str,
        name: str | None,
        description: str | None = None,
        storage_type: str = "datalake",
        *,
        identifier: str | None = None,
    ) -> Channel:
        """Create a channel, with an id of its own unless one is given; names need not be unique.

        Raises:
            BadRequest: when the given id is in use.
        """
        if identifier is not None and self._channels.find(identifier) is not None:
            message = f"there is a channel with the id {identifier} already"
            raise BadRequest(message)
        now = self._now()
        channel = Channel(
            channel_id=self._world.ids.platform_id(identifier),
            name=name,
            display_name=name,
            description=description,
            storage_type=storage_type,
            created_at=now,
            updated_at=now,
        )
        self._channels.insert(organization_id, channel.channel_id, channel)
        return channel

    def get(self, organization_id: str, channel_id: str) -> Channel:
        """Return a channel.

        Raises:
            NotFound: when the organization has none with that id.
        """
        channel = self._channels.get(organization_id, channel_id)
        if channel is None:
            raise NotFound(self._unknown(channel_id, self._channels.slice(organization_id, limit=10)))
        return channel

    def organization_of(self, channel_id: str, asking: str | None = None) -> str:
        """Return the id of the organization a channel belongs to: paths of files do not name it.

        Args:
            channel_id: the channel.
            asking: id of the organization that asks, whose channels a refusal names; None: any.

        Raises:
            NotFound: when there is no such channel.
        """
        row = self._channels.find(channel_id)
        if row is None:
            known = [row.record for row in self._channels.all() if asking in {None, row.parent}]
            raise NotFound(self._unknown(channel_id, known[:10]))
        return row.parent

    def select(self, organization_id: str, offset: int, limit: int, *, archived: bool) -> tuple[list[Channel], bool]:
        """Return channels in order of creation, and whether there are more."""
        found = self._channels.slice(organization_id, offset=offset, limit=limit + 1, archived=archived)
        return found[:limit], len(found) > limit

    def update(self, organization_id: str, channel_id: str, name: str | None, description: str | None) -> Channel:
        """Change name and description; what is not given stays."""
        channel = self.get(organization_id, channel_id)
        changed = msgspec.structs.replace(
            channel,
            name=name or channel.name,
            display_name=name or channel.display_name,
            description=description or channel.description,
        )
        return self._put(organization_id, changed)

    def archive(self, organization_id: str, channel_id: str, *, archived: bool) -> Channel:
        """Archive a channel or take it back; its files stay."""
        channel = self.get(organization_id, channel_id)
        return self._put(organization_id, msgspec.structs.replace(channel, archived=archived))

    def datasources(
        self, organization_id: str, channel_id: str, offset: int, limit: int
    ) -> tuple[list[Datasource], bool]:
        """Return data sources linked to a channel, in order of creation, and whether there are more."""
        self.get(organization_id, channel_id)
        every = self._accounts.datasources.slice(organization_id)
        linked = [datasource for datasource in every if channel_id in datasource.channels]
        return linked[offset : offset + limit], len(linked) > offset + limit

    def link(self, organization_id: str, channel_id: str, datasource_id: str) -> Datasource:
        """Link a data source to a channel.

        Raises:
            Conflict: when it is linked already.
        """
        datasource = self._datasource(organization_id, channel_id, datasource_id)
        if channel_id in datasource.channels:
            message = f"data source {datasource_id} is linked to channel {channel_id} already"
            raise Conflict(message)
        return self._relink(organization_id, datasource, [*datasource.channels, channel_id])

    def unlink(self, organization_id: str, channel_id: str, datasource_id: str) -> Datasource:
        """End the link of a data source to a channel.

        Raises:
            NotFound: when it is not linked.
        """
        datasource = self._datasource(organization_id, channel_id, datasource_id)
        if channel_id not in datasource.channels:
            message = f"data source {datasource_id} is not linked to channel {channel_id}"
            raise NotFound(message)
        return self._relink(
            organization_id, datasource, [linked for linked in datasource.channels if linked != channel_id]
        )

    def _datasource(self, organization_id: str, channel_id: str, datasource_id: str) -> Datasource:
        self.get(organization_id, channel_id)
        datasource = self._accounts.datasources.get(organization_id, datasource_id)
        if datasource is None:
            message = f"data source {datasource_id!r} does not exist in organization {organization_id}"
            raise NotFound(message)
        return datasource

    def _relink(self, organization_id: str, datasource: Datasource, channels: Sequence[str]) -> Datasource:
        changed = msgspec.structs.replace(datasource, channels=list(channels), updated_at=self._now())
        self._accounts.datasources.update(organization_id, datasource.datasource_id, changed)
        return changed

    def _put(self, organization_id: str, channel: Channel) -> Channel:
        changed = msgspec.structs.replace(channel, updated_at=self._now())
        self._channels.update(organization_id, channel.channel_id, changed, archived=channel.archived)
        return changed

    def _now(self) -> str:
        return second(self._world.clock.now())

    @staticmethod
    def _unknown(channel_id: str, known: Sequence[Channel]) -> str:
        names = ", ".join(f"{channel.channel_id} ({channel.name})" for channel in known) or "none"
        return f"channel {channel_id!r} does not exist; there is {names}"
