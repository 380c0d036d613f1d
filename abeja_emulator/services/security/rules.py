"""The networks from which an organization may be used, and whether a client is in one of them."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Union

import msgspec

from abeja_emulator.errors import BadRequest, Conflict, Forbidden, NotFound
from abeja_emulator.services.buckets.records import Bucket
from abeja_emulator.services.datalake.records import Channel
from abeja_emulator.services.security.records import Cidr
from abeja_emulator.services.times import second

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abeja_emulator.wire.call import World

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

#: The security method of channels and buckets that follow the list of their organization. No other one is known
#: (SDK docstrings of archive_channel and archive_bucket); that another would not follow it is inferred from its name.
FOLLOWS_ORGANIZATION = "organization"


class Cidrs:
    """The allow lists of one Platform's organizations.

    An organization without any entry lets everybody in, because that is how each of them begins. Evidence: inferred.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._cidrs = world.store.table("cidr", Cidr)

    def create(self, organization_id: str, cidr: str, description: str | None = None) -> Cidr:
        """Let the addresses of a network in.

        Raises:
            BadRequest: when it is no network.
            Conflict: when it is on the list already.
        """
        network = network_of(cidr)
        self._check_new(organization_id, network)
        now = second(self._world.clock.now())
        # Ids are short numbers here (SDK docstring of create_ip_address).
        identifier = str(self._world.ids.number("cidr", ""))
        entry = Cidr(id=identifier, cidr=network, description=description, created_at=now, updated_at=now)
        self._cidrs.insert(organization_id, entry.id, entry, name=network)
        return entry

    def get(self, organization_id: str, cidr_id: str) -> Cidr:
        """Return an entry of the list.

        Raises:
            NotFound: when the organization has none with that id.
        """
        entry = self._cidrs.get(organization_id, cidr_id)
        if entry is None:
            known = self._cidrs.slice(organization_id, limit=10, newest_first=True)
            names = ", ".join(f"{each.id} ({each.cidr})" for each in known) or "none"
            message = f"CIDR {cidr_id!r} does not exist in organization {organization_id}; newest ones: {names}"
            raise NotFound(message)
        return entry

    def select(self, organization_id: str, offset: int = 0, limit: int = -1) -> tuple[list[Cidr], bool]:
        """Return entries in order of creation (-1: all), and whether there are more."""
        found = self._cidrs.slice(organization_id, offset=offset, limit=limit)
        return found, offset + len(found) < self._cidrs.count(organization_id)

    def update(self, organization_id: str, cidr_id: str, change: Mapping[str, str | None]) -> Cidr:
        """Change `cidr` and `description`, those that are there.

        Raises:
            BadRequest: when it is no network.
            Conflict: when another entry is that network already.
        """
        entry = self.get(organization_id, cidr_id)
        wanted = change.get("cidr")
        network = entry.cidr if wanted is None else network_of(wanted)
        changed = msgspec.structs.replace(
            entry,
            cidr=network,
            description=change.get("description", entry.description),
            updated_at=second(self._world.clock.now()),
        )
        if network != entry.cidr:
            self._check_new(organization_id, network)
            self._cidrs.rename(organization_id, cidr_id, network)
        self._cidrs.update(organization_id, cidr_id, changed)
        return changed

    def delete(self, organization_id: str, cidr_id: str) -> Cidr:
        """Take an entry off the list and return it as it was."""
        entry = self.get(organization_id, cidr_id)
        self._cidrs.delete(organization_id, cidr_id)
        return entry

    def lets_in(self, organization_id: str, address: str) -> bool:
        """Tell whether an address may use the organization.

        Raises:
            BadRequest: when it is no address.
        """
        asking = address_of(address)
        entries, _ = self.select(organization_id)
        return not entries or any(asking in ipaddress.ip_network(entry.cidr) for entry in entries)

    def check_client(self, path: Mapping[str, str], address: str) -> None:
        """Check that a client's address is let in by the organization of what its call is about.

        Args:
            path: what the segments of the call's path hold; one without an organization names a channel of it.
            address: where the client is.

        Raises:
            Forbidden: when it is not.
        """
        table = self._world.store.table
        channel = table("channel", Channel).find(path.get("channel_id", ""))
        bucket = table("bucket", Bucket).find(path.get("bucket_id", ""))
        if any(row is not None and row.record.security_method != FOLLOWS_ORGANIZATION for row in (channel, bucket)):
            return
        organization = path.get("organization_id") or (channel.parent if channel else None)
        if organization is not None and not self.lets_in(organization, address):
            networks = ", ".join(entry.cidr for entry in self.select(organization)[0])
            message = (
                f"organization {organization} lets in clients from {networks} only, and this call comes from "
                f"{address}; add its network to the CIDRs, or call from one of these"
            )
            raise Forbidden(message)

    def _check_new(self, organization_id: str, network: str) -> None:
        known = self._cidrs.named(organization_id, network)
        if known is not None:
            message = f"{network} is on the list already, as CIDR {known.id}"
            raise Conflict(message)


def network_of(text: str) -> str:
    """Return a network the way it is kept; an address alone is a network of its own.

    Raises:
        BadRequest: when it is none, or an address within one: which of the two is meant would be a guess.
    """
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        message = f"cidr must be a network such as 192.0.2.0/24, not {text!r}: {error}"
        raise BadRequest(message) from error


def address_of(text: str) -> Address:
    """Return an address; of an IPv4 address that is written as IPv6 the former.

    Raises:
        BadRequest: when it is none.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        message = f"{text!r} is no IP address, such as 192.0.2.7"
        raise BadRequest(message) from error
    return getattr(address, "ipv4_mapped", None) or address
