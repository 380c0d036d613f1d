"""What a seed file, or a document that is posted, may say; and who is let onto a platform by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Optional, Union

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.organizations.records import Datasource, User

    #: A context that says which part of the document it is about, such as `users[0]`, when that is refused.
    Part = Callable[[str], AbstractContextManager[object]]

#: What a user may do, by the names that the platform shows them under.
RoleName = Literal["admin", "developer", "regular"]


class SeedOrganization(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The default organization."""

    name: str = "default-org"
    id: Optional[str] = None


class SeedUser(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A user with one personal access token; clients call themselves `user-<id>`."""

    token: str
    email: str = "user@example.com"
    role: RoleName = "admin"
    id: Optional[str] = None


class SeedCidr(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A network whose addresses are let in."""

    cidr: str
    description: Optional[str] = None


class SeedUpload(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A file of a channel."""

    file: str
    content_type: Optional[str] = None
    metadata: dict[str, str] = {}
    lifetime: Optional[str] = None


class SeedChannel(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A channel and its files."""

    name: str
    id: Optional[str] = None
    description: Optional[str] = None
    files: list[Union[str, SeedUpload]] = []


class SeedDatasource(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A data source, for the channels it is linked to; clients call themselves `datasource-<id>`.

    A channel is named as it is in the document, or by its id.
    """

    name: Optional[str] = None
    id: Optional[str] = None
    secret: Optional[str] = None
    channels: list[str] = []


class SeedDataset(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A dataset, from a folder or file (`source`) or from `items`, as `Seed.dataset` takes them."""

    name: Optional[str] = None
    id: Optional[str] = None
    source: Optional[str] = None
    items: Optional[list[Any]] = None
    type: Optional[str] = None
    props: Any = None


class SeedDocument(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """All that a seed file may say."""

    organization: SeedOrganization = SeedOrganization()
    users: list[SeedUser] = []
    bearer_tokens: list[str] = []
    cidrs: list[Union[str, SeedCidr]] = []
    channels: list[SeedChannel] = []
    datasources: list[SeedDatasource] = []
    datasets: list[SeedDataset] = []


class Admitted(NamedTuple):
    """Who was put on a platform, and from where they may call.

    Attributes:
        users: in the order of the document.
        bearer_tokens: how many.
        cidrs: ids of the networks.
    """

    users: list[User]
    bearer_tokens: int
    cidrs: list[str]


def admit(document: SeedDocument, platform: Platform, part: Part) -> Admitted:
    """Put users, bearer tokens and CIDRs of a document on a platform.

    Args:
        document: the document.
        platform: the platform.
        part: see `Part`.
    """
    made = Admitted([], len(document.bearer_tokens), [])
    for number, user in enumerate(document.users):
        with part(f"users[{number}]"):
            made.users.append(platform.seed.user(user.token, user.email, role=user.role, identifier=user.id))
    for number, token in enumerate(document.bearer_tokens):
        with part(f"bearer_tokens[{number}]"):
            platform.seed.bearer_token(token)
    for number, entry in enumerate(document.cidrs):
        cidr = SeedCidr(entry) if isinstance(entry, str) else entry
        with part(f"cidrs[{number}]"):
            made.cidrs.append(platform.seed.cidr(cidr.cidr, cidr.description))
    return made


def connect(
    sources: Sequence[SeedDatasource], platform: Platform, part: Part, channels: Iterable[tuple[str, str]] = ()
) -> list[Datasource]:
    """Put data sources of a document on a platform, linked to channels, and return them in their order.

    Args:
        sources: the data sources.
        platform: the platform; channels that are not of the document are there.
        part: see `Part`.
        channels: name and id of each channel of the document.
    """
    made = []
    for number, source in enumerate(linked(sources, part, channels)):
        with part(f"datasources[{number}]"):
            given = platform.seed.datasource(source.name, source.channels, identifier=source.id, secret=source.secret)
            made.append(given)
    return made


def linked(sources: Sequence[SeedDatasource], part: Part, channels: Iterable[tuple[str, str]]) -> list[SeedDatasource]:
    """Return data sources whose channels are ids, where they were names of channels of the same document."""
    ids: dict[str, list[str]] = {}
    for name, identifier in channels:
        ids.setdefault(name, []).append(identifier)
    found = []
    for number, source in enumerate(sources):
        with part(f"datasources[{number}]"):
            found.append(msgspec.structs.replace(source, channels=[_id_of(each, ids) for each in source.channels]))
    return found


def _id_of(channel: str, ids: dict[str, list[str]]) -> str:
    known = ids.get(channel, [channel])
    if len(known) > 1:
        message = f"{len(known)} channels of the document are named {channel!r}; give them ids, and name it by its id"
        raise ValueError(message)
    return known[0]
