"""Putting things on a platform."""

from __future__ import annotations

import inspect
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from abeja_emulator.seeding.entries import entry_of, upload_of
from abeja_emulator.seeding.errors import WRONG
from abeja_emulator.seeding.labels import Labels
from abeja_emulator.seeding.sources import read_source
from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.datalake.files import Files
from abeja_emulator.services.datasets.rules import Datasets
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.security.rules import Cidrs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from typing_extensions import Self

    from abeja_emulator.platform import Platform
    from abeja_emulator.seeding.entries import Entry
    from abeja_emulator.seeding.items import Items
    from abeja_emulator.seeding.sources import Source
    from abeja_emulator.services.organizations.records import Datasource, Organization, User

    #: Source data and attributes of an item.
    Filling = Generator[tuple[list[dict[str, Any]], Any], None, None]

Content = Union[bytes, str, Path]

#: Progress is told for the first so many items one by one, and then whenever there is this part more of them: a
#: million items are told in 450 calls.
_TOLD = 40


class SeededDataset(str):  # noqa: SLOT000 - few of them, and people may note things on one
    """The id of a dataset, as text, that also knows where it came from.

    Attributes:
        name: name of the dataset.
        channel_id: channel that holds its files.
        labels: its labels, in the order of their ids; empty without labels.
        total_count: number of items.
    """

    name: str
    channel_id: str
    labels: tuple[str, ...]
    total_count: int

    def __new__(  # noqa: D102 - the class says it
        cls, identifier: str, name: str, channel_id: str, labels: Iterable[str], total_count: int
    ) -> Self:
        dataset = super().__new__(cls, identifier)
        dataset.name, dataset.channel_id = name, channel_id
        dataset.labels, dataset.total_count = tuple(labels), total_count
        return dataset

    def __getnewargs__(self) -> tuple[str, str, str, tuple[str, ...], int]:  # type: ignore[override]
        """Return what a copy, in this process or in another, is made of."""
        return str(self), self.name, self.channel_id, self.labels, self.total_count

    @property
    def dataset_id(self) -> str:
        """The id."""
        return str(self)


class Seed:
    """Puts things on a platform, all of one call or nothing."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._world = platform.world
        self._accounts = Accounts(self._world)

    def dataset(  # noqa: PLR0913 - what a dataset has, by name
        self,
        source: Source,
        name: str | None = None,
        *,
        type: str | None = None,  # noqa: A002 - the word of the platform
        props: Any = None,
        identifier: str | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> SeededDataset:
        """Create a dataset and upload its files, and return its id.

        Items are read one after the other, and each is put on the platform before the next is read, so that a table,
        a file of JSON lines, a folder and an iterator may have any number of them. Other calls wait meanwhile; an
        iterator that waits for another thread to use this Platform would wait forever.

        Args:
            source: one of
                a folder with one sub-folder for each label, or with files and no labels;
                a table, `.csv`, whose columns `TableItems` describes;
                a file of JSON lines, `.jsonl`, with an item in each line;
                a JSON or YAML file, or a mapping, with `items` and, if wanted, `name`, `type`, `props`;
                a list of items or whatever else gives one after the other, each a pair (content, label) or a mapping
                with `file` (a path) or `content` (bytes, text, or anything JSON) or `source_data`, and with `label`
                or `attributes`, and if wanted `content_type` and `metadata`. Paths are relative to the file, or to
                the working directory.
            name: name of the dataset; by default that of the source, and a number when it is taken.
            type: `classification` when there are labels, `custom` when there are none.
            props: as the platform keeps it; by default one category with the labels. Labels of items are
                looked for in its categories.
            identifier: id of the dataset, such as one that a handler has in its code; 13 digits.
            progress: called now and then, some hundred times at most, with the number of items made so far, and with
                that of all of them at the end. Nothing is made when it raises.

        Raises:
            SeedError: when the source cannot be read, or an item is wrong; it says which and why. Nothing was
                created then. What an iterator raises itself comes through as it is, and nothing was created either.
        """
        items = read_source(source)
        wanted = name or items.given.get("name") or "dataset"
        kind = type or items.given.get("type")
        if props is None:
            props = items.given.get("props")
        organization, labels = self._platform.organization.id, Labels(props)
        described = props is not None or "props" in items.given
        with self._world.store.transaction():
            datasets = Datasets(self._world)
            taken = set() if name else {dataset.name for dataset in datasets.select(organization)}
            unique = free_name(wanted, taken)
            made = datasets.create(organization, unique, kind or "custom", props if described else {}, identifier)
            channel = Channels(self._world).create(organization, unique, f"files of dataset {unique}")
            with closing(self._filling(items, channel.channel_id, labels, progress)) as filling:
                try:
                    count = datasets.add_stream(organization, made.dataset_id, filling)
                except WRONG as error:
                    # Nothing is wrong with an item that is not there yet: then its reader has said it.
                    if inspect.getgeneratorstate(filling) != inspect.GEN_SUSPENDED:
                        raise
                    raise items.wrong(error) from error
            if labels.names:
                # Only now are all of them known.
                datasets.describe(
                    organization,
                    made.dataset_id,
                    kind or "classification",
                    props if described else labels.props(wanted),
                )
        return SeededDataset(made.dataset_id, unique, channel.channel_id, labels.names, count)

    def channel(self, name: str, description: str | None = None, identifier: str | None = None) -> str:
        """Create a channel and return its id; `identifier` is one that a handler has in its code.

        Raises:
            TypeError: when the description is no text.
        """
        said: Any = description
        if said is not None and not isinstance(said, str):
            message = (
                f"the description of a channel is text, not {type(said).__name__}; files come into it by "
                "abeja.seed.file(channel_id, content)"
            )
            raise TypeError(message)
        organization = self._platform.organization.id
        with self._world.store.transaction():
            channels = Channels(self._world)
            return channels.create(organization, name, description, identifier=identifier).channel_id

    def file(
        self,
        channel_id: str,
        content: Content,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        lifetime: str | None = None,
    ) -> str:
        """Upload a file (bytes, text, or a path) to a channel and return its id."""
        entry = entry_of({"file" if isinstance(content, Path) else "content": content}, Path.cwd())
        with self._world.store.transaction():
            Channels(self._world).organization_of(channel_id)
            entry = entry._replace(content_type=content_type or entry.content_type, metadata=metadata or {})
            return Files(self._world).upload(channel_id, upload_of(entry), lifetime).file_id

    def organization(self, name: str, identifier: str | None = None) -> Organization:
        """Create an organization; give the id that a handler has in its code, when it has one."""
        with self._world.store.transaction():
            return self._accounts.add_organization(name, identifier)

    def user(
        self,
        token: str,
        email: str = "user@example.com",
        organization_id: str | None = None,
        *,
        role: str = "admin",
        identifier: str | None = None,
    ) -> User:
        """Create a user whose personal access token is `token`.

        Args:
            token: the token.
            email: of the user.
            organization_id: that the user belongs to; the default one if none is named.
            role: `admin`, `developer` or `regular`; it matters with `auth="strict"`.
            identifier: id of the user, such as one that a handler has in its code; 13 digits.

        Raises:
            ValueError: when there is no such role, or the id is not 13 digits.
            Conflict: when another user has the id.
        """
        self._platform.keep_secret(token)
        organization_id = organization_id or self._platform.organization.id
        with self._world.store.transaction():
            return self._accounts.add_user(organization_id, token, email=email, role=role, identifier=identifier)

    def bearer_token(self, token: str, user_id: str | None = None) -> None:
        """Make `token` a bearer token of a user, the default one if none is named."""
        self._platform.keep_secret(token)
        with self._world.store.transaction():
            self._accounts.add_bearer_token(self._platform.organization.id, user_id or self._platform.user.id, token)

    def datasource(
        self,
        display_name: str | None = None,
        channels: Iterable[str] = (),
        *,
        identifier: str | None = None,
        secret: str | None = None,
    ) -> Datasource:
        """Create a data source that is linked to channels; the API links it to others.

        Args:
            display_name: its name.
            channels: ids of the channels.
            identifier: its id, such as one that a system has in its configuration; 13 digits.
            secret: what it shows that it is who it is; made up by default.

        Raises:
            ValueError: when the id is not 13 digits, or the secret is empty.
            Conflict: when another data source has the id.
            NotFound: when there is no such channel.
        """
        organization = self._platform.organization.id
        if secret is not None:
            self._platform.keep_secret(secret)
        with self._world.store.transaction():
            made = self._accounts.add_datasource(organization, display_name, identifier=identifier, secret=secret)
            for channel_id in channels:
                made = Channels(self._world).link(organization, channel_id, made.datasource_id)
            return made

    def cidr(self, network: str, description: str | None = None) -> str:
        """Let the addresses of a network in, such as `192.0.2.0/24`, and return the id of the entry.

        It matters once the platform enforces its lists.

        Raises:
            BadRequest: when it is no network.
            Conflict: when it is on the list already.
        """
        with self._world.store.transaction():
            return Cidrs(self._world).create(self._platform.organization.id, network, description).id

    def _filling(
        self, items: Items, channel_id: str, labels: Labels, progress: Callable[[int], object] | None
    ) -> Filling:
        """Yield source data and attributes of each item, and upload its file before."""
        made, told, due = 0, 0, 1 if progress else -1
        with closing(iter(items)) as entries:
            for entry in entries:
                try:
                    attributes = labels.attributes(entry)
                    source_data = self._uploaded(channel_id, entry) if entry.uploads else entry.source_data
                except WRONG as error:
                    raise items.wrong(error) from error
                yield source_data, attributes
                made += 1
                if made == due and progress:
                    progress(made)
                    told = made
                    due += max(1, made // _TOLD)
        if progress and made != told:
            progress(made)

    def _uploaded(self, channel_id: str, entry: Entry) -> list[dict[str, Any]]:
        file = Files(self._world).upload(channel_id, upload_of(entry))
        return [{"data_uri": f"datalake://{channel_id}/{file.file_id}", "data_type": file.content_type}]


def free_name(name: str, taken: set[str]) -> str:
    """Return the name, with a number behind it when it is taken."""
    return next(free for free in _numbered(name) if free not in taken)


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1
