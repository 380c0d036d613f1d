"""State and rules of datasets and their items."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, NotFound
from abeja_emulator.services.datasets.records import Dataset, DatasetItem
from abeja_emulator.wire.search import attribute_values, parse_search

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from abeja_emulator.store.table import Row
    from abeja_emulator.wire.call import World

#: Schemes the SDK can read (`abeja/common/file_factory.py`).
SCHEMES = ("datalake", "http", "https")

#: Keys of source data that the SDK passes on as arguments it has already given: a TypeError in
#: every client that lists the dataset (`abeja/datasets/dataset_item.py`).
CLASHING_KEYS = ("api", "client", "type", "uri")

#: What source data mostly has, and a URI that is readable without a doubt: many at once are added three times as fast.
_PLAIN_KEYS = frozenset(("data_uri", "data_type"))
_PLAIN_URI = re.compile(r"(?:datalake|https?)://[a-z0-9._-]+/[^/?#\s][^?#\s]*", re.ASCII).fullmatch

#: Items on a page when the client names no limit; the platform's number is not known. Evidence: inferred.
ITEMS_PER_PAGE = 50


class ItemPage(NamedTuple):
    """One page of items; no token means that it is the empty page behind the last item."""

    items: list[DatasetItem]
    total_count: int
    next_page_token: str | None


class Datasets:
    """The datasets of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._datasets = world.store.table("dataset", Dataset)
        self._items = world.store.table("dataset_item", DatasetItem)

    def create(self, organization_id: str, name: str, type_: str, props: Any, identifier: str | None = None) -> Dataset:
        """Create a dataset, with an id of its own unless one is given.

        Raises:
            BadRequest: when the organization has one of that name (400, not 409: SDK docstring of
                create_dataset), the name is empty, or the given id is in use.
        """
        if not name:
            message = "a dataset needs a name"
            raise BadRequest(message)
        if self._datasets.named(organization_id, name) is not None:
            message = f"dataset {name!r} exists already; choose another name or delete it first"
            raise BadRequest(message)
        if identifier is not None and self._datasets.find(identifier) is not None:
            message = f"there is a dataset with the id {identifier} already"
            raise BadRequest(message)
        now = iso(self._world.clock.now())
        dataset = Dataset(
            dataset_id=self._world.ids.platform_id(identifier),
            organization_id=organization_id,
            name=name,
            type=type_,
            props=props,
            created_at=now,
            updated_at=now,
        )
        self._datasets.insert(organization_id, dataset.dataset_id, dataset, name=name)
        return dataset

    def get(self, organization_id: str, dataset_id: str) -> Dataset:
        """Return a dataset.

        Raises:
            NotFound: when the organization has none with that id.
        """
        dataset = self._datasets.get(organization_id, dataset_id)
        if dataset is None:
            raise NotFound(self._unknown(organization_id, dataset_id))
        return dataset

    def describe(self, organization_id: str, dataset_id: str, type_: str, props: Any) -> Dataset:
        """Say of a new dataset what is known only once its items have come; when it was made stays."""
        dataset = msgspec.structs.replace(self.get(organization_id, dataset_id), type=type_, props=props)
        self._datasets.update(organization_id, dataset_id, dataset)
        return dataset

    def view(self, dataset: Dataset) -> dict[str, Any]:
        """Return a dataset as the API shows it, with its number of items."""
        shown = msgspec.structs.asdict(dataset)
        shown["total_count"] = self._items.count(dataset.dataset_id)
        return shown

    def select(self, organization_id: str, offset: int = 0, limit: int = -1) -> list[Dataset]:
        """Return `limit` datasets (-1: all) from `offset` on, in order of creation."""
        return self._datasets.slice(organization_id, offset=offset, limit=limit)

    def delete(self, organization_id: str, dataset_id: str) -> dict[str, Any]:
        """Delete a dataset with its items and return it as it was."""
        shown = self.view(self.get(organization_id, dataset_id))
        self._items.delete_under(dataset_id)
        self._datasets.delete(organization_id, dataset_id)
        return shown

    def add_items(
        self, organization_id: str, dataset_id: str, entries: Sequence[tuple[list[dict[str, Any]], Any]]
    ) -> list[DatasetItem]:
        """Add items, given as pairs of source data and attributes; all of them or none.

        Raises:
            BadRequest: when the dataset does not exist (400, not 404: SDK docstring of
                create_dataset_item) or an item's source data cannot be read by any client.
        """
        items = list(self._new_items(organization_id, dataset_id, entries))
        self._items.insert_many(dataset_id, [(str(item.dataset_item_id), item) for item in items])
        return items

    def add_stream(
        self, organization_id: str, dataset_id: str, entries: Iterable[tuple[list[dict[str, Any]], Any]]
    ) -> int:
        """Add any number of items, each before the next is taken from `entries`; return how many those were.

        When it raises, those before are there until the caller's transaction is undone.

        Raises:
            BadRequest: as `add_items` does; the item it is about is the last one that was taken.
            TypeError, ValueError, OverflowError, RecursionError: when attributes cannot be written as JSON.
        """
        before = self._items.count(dataset_id)
        items = self._new_items(organization_id, dataset_id, entries)
        self._items.insert_many(dataset_id, ((str(item.dataset_item_id), item) for item in items))
        return self._items.count(dataset_id) - before

    def item(self, organization_id: str, dataset_id: str, item_id: str) -> DatasetItem:
        """Return an item.

        Raises:
            NotFound: when the dataset or the item does not exist.
        """
        self.get(organization_id, dataset_id)
        item = self._items.get(dataset_id, item_id)
        if item is None:
            message = f"dataset {dataset_id} has no item {item_id}"
            raise NotFound(message)
        return item

    def items(
        self, organization_id: str, dataset_id: str, limit: int | None, token: str | None, search: str | None
    ) -> ItemPage:
        """Return a page of items.

        Every page with items has a token, and the page behind the last item is empty and has none:
        the SDK stops at an empty page only and starts over at a missing token
        (`abeja/datasets/dataset_item.py`). The token carries the search, which the CLI drops.

        Raises:
            BadRequest: when the token was made for another dataset or another search.
            NotFound: when the dataset does not exist.
        """
        self.get(organization_id, dataset_id)
        query = f"items of {dataset_id}"
        after = 0
        if token:
            position = self._world.signer.page_position(query, token)
            if search and search != position["q"]:
                message = f"this page token was issued for the search q={position['q']!r}, not for {search!r}"
                raise BadRequest(message)
            after, search, limit = position["after"], position["q"], limit or position["limit"]
        limit = limit or ITEMS_PER_PAGE
        if search:
            wanted = parse_search(search)
            rows: list[Row[DatasetItem]] = []
            total = 0
            for row in self._items.scan(dataset_id):
                if wanted.matches(lambda key, item=row.record: attribute_values(item.attributes, key)):  # type: ignore[misc]
                    total += 1
                    if row.seq > after and len(rows) < limit:
                        rows.append(row)
        else:
            total = self._items.count(dataset_id)
            rows = self._items.page(dataset_id, after=after, limit=limit)
        next_token = None
        if rows:
            position = {"after": rows[-1].seq, "q": search, "limit": limit}
            next_token = self._world.signer.page_token(query, position)
        return ItemPage([row.record for row in rows], total, next_token)

    def update_items(
        self, organization_id: str, dataset_id: str, entries: Sequence[tuple[int, Any]]
    ) -> list[DatasetItem]:
        """Replace the attributes of several items, given as pairs of id and attributes; all of them or none.

        Raises:
            BadRequest: when the dataset (400, not 404: SDK docstring of bulk_update_dataset_item) or an
                item does not exist.
        """
        try:
            self.get(organization_id, dataset_id)
            return [
                self.update_item(organization_id, dataset_id, str(number), attributes) for number, attributes in entries
            ]
        except NotFound as error:
            raise BadRequest(error.description) from error

    def update_item(self, organization_id: str, dataset_id: str, item_id: str, attributes: Any) -> DatasetItem:
        """Replace the attributes of an item."""
        item = self.item(organization_id, dataset_id, item_id)
        updated = msgspec.structs.replace(item, attributes=attributes, updated_at=iso(self._world.clock.now()))
        self._items.update(dataset_id, item_id, updated)
        return updated

    def delete_item(self, organization_id: str, dataset_id: str, item_id: str) -> DatasetItem:
        """Delete an item and return it as it was."""
        item = self.item(organization_id, dataset_id, item_id)
        self._items.delete(dataset_id, item_id)
        return item

    def _new_items(
        self, organization_id: str, dataset_id: str, entries: Iterable[tuple[list[dict[str, Any]], Any]]
    ) -> Iterator[DatasetItem]:
        if self._datasets.get(organization_id, dataset_id) is None:
            raise BadRequest(self._unknown(organization_id, dataset_id))
        now, number = iso(self._world.clock.now()), self._world.ids.number
        for source_data, attributes in entries:
            yield DatasetItem(
                dataset_id=dataset_id,
                dataset_item_id=number("dataset_item", dataset_id),
                source_data=_checked(source_data),
                attributes=attributes,
                created_at=now,
                updated_at=now,
            )

    def _unknown(self, organization_id: str, dataset_id: str) -> str:
        known = self._datasets.slice(organization_id, limit=10, newest_first=True)
        names = ", ".join(f"{dataset.dataset_id} ({dataset.name})" for dataset in known) or "none"
        return f"dataset {dataset_id!r} does not exist in organization {organization_id}; newest datasets: {names}"


def _checked(source_data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for entry in source_data:
        if entry.keys() == _PLAIN_KEYS and isinstance(entry["data_uri"], str) and _PLAIN_URI(entry["data_uri"]):
            continue
        if "data_uri" not in entry:
            message = f"source_data needs a data_uri; this one has {', '.join(entry) or 'nothing'}"
            raise BadRequest(message)
        if not _readable(entry["data_uri"]):
            message = (
                "a data_uri is datalake://<channel>/<file>, http://… or https://…; this one is "
                f"{entry['data_uri']!r}, which the SDK cannot read"
            )
            raise BadRequest(message)
        clashing = [key for key in CLASHING_KEYS if key in entry]
        if clashing:
            message = (
                f"source_data must not have the key {clashing[0]!r}: the SDK could not read the item, it has an "
                "argument of that name"
            )
            raise BadRequest(message)
    return source_data


def _readable(uri: Any) -> bool:
    """Tell whether the SDK finds a file behind a URI, whatever the case of its scheme."""
    if not isinstance(uri, str):
        return False
    try:
        scheme, place, path, _, _ = urlsplit(uri)
    except ValueError:
        return False
    return scheme in SCHEMES and bool(place) and (scheme != "datalake" or bool(path.strip("/")))
