"""State and rules of datasets and their items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, NotFound
from abeja_emulator.services.opsbeellm.listing import Part, check_name, shown, unknown, with_changes
from abeja_emulator.services.opsbeellm.records import OpsBeeDataset, OpsBeeItem
from abeja_emulator.services.opsbeellm.search import ITEM_KEYS, item_values, parse

if TYPE_CHECKING:
    from abeja_emulator.wire.call import World


class Content(NamedTuple):
    """What an item holds."""

    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    tags: list[str]
    metadata: list[dict[str, Any]]


class OpsBeeDatasets:
    """The OpsBeeLLM datasets of one Platform; a change of their items is none of theirs (inferred)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._datasets = world.store.table("opsbeellm_dataset", OpsBeeDataset)
        self._items = world.store.table("opsbeellm_item", OpsBeeItem)

    def create(self, organization_id: str, name: str, type_: str, description: str) -> OpsBeeDataset:
        """Create a dataset.

        Raises:
            BadRequest: when the name is empty.
        """
        check_name("dataset", name)
        now = iso(self._world.clock.now())
        dataset = OpsBeeDataset(
            id=self._world.ids.platform_id(),
            organization_id=organization_id,
            name=name,
            description=description,
            type=type_,
            created_at=now,
            updated_at=now,
        )
        self._datasets.insert(organization_id, dataset.id, dataset)
        return dataset

    def get(self, organization_id: str, dataset_id: str) -> OpsBeeDataset:
        """Return a dataset.

        Raises:
            NotFound: when the organization has none with that id.
        """
        dataset = self._datasets.get(organization_id, dataset_id)
        if dataset is None:
            newest = self._datasets.slice(organization_id, limit=10, newest_first=True)
            names = [f"{each.id} ({each.name})" for each in newest]
            message = unknown("dataset", dataset_id, f"organization {organization_id}", names)
            raise NotFound(message)
        return dataset

    def view(self, dataset: OpsBeeDataset) -> dict[str, Any]:
        """Return a dataset as the API shows it, with its number of items."""
        return {**shown(dataset), "item_count": self._items.count(dataset.id)}

    def select(self, organization_id: str, offset: int, limit: int) -> Part:
        """Return a part of the datasets, newest first."""
        found = self._datasets.slice(organization_id, offset=offset, limit=limit, newest_first=True)
        return Part([self.view(dataset) for dataset in found], offset, limit, self._datasets.count(organization_id))

    def update(self, organization_id: str, dataset_id: str, name: str, description: str | None) -> OpsBeeDataset:
        """Change a dataset; a description that is None stays.

        Raises:
            BadRequest: when the name is empty.
        """
        dataset = self.get(organization_id, dataset_id)
        check_name("dataset", name)
        changed = with_changes(dataset, self._world.clock.now(), name=name, description=description)
        self._datasets.update(organization_id, dataset_id, changed)
        return changed

    def delete(self, organization_id: str, dataset_id: str) -> dict[str, Any]:
        """Delete a dataset with its items and return it as it was."""
        view = self.view(self.get(organization_id, dataset_id))
        self._items.delete_under(dataset_id)
        self._datasets.delete(organization_id, dataset_id)
        return view

    def add_item(self, organization_id: str, dataset_id: str, content: Content) -> OpsBeeItem:
        """Add an item; its keys are free, whatever the dataset's type.

        Raises:
            BadRequest: when it has no input or no output, which no client can send.
        """
        self.get(organization_id, dataset_id)
        for name, entries in (("inputs", content.inputs), ("outputs", content.outputs)):
            if not entries:
                message = f"an item needs {name}: a list of one object or more"
                raise BadRequest(message)
        now = iso(self._world.clock.now())
        item = OpsBeeItem(
            id=self._world.ids.platform_id(),
            organization_id=organization_id,
            dataset_id=dataset_id,
            **content._asdict(),
            created_at=now,
            updated_at=now,
        )
        self._items.insert(dataset_id, item.id, item)
        return item

    def item(self, organization_id: str, dataset_id: str, item_id: str) -> OpsBeeItem:
        """Return an item.

        Raises:
            NotFound: when the dataset or the item does not exist.
        """
        self.get(organization_id, dataset_id)
        item = self._items.get(dataset_id, item_id)
        if item is None:
            newest = [each.id for each in self._items.slice(dataset_id, limit=10, newest_first=True)]
            message = unknown("item", item_id, f"dataset {dataset_id}", newest)
            raise NotFound(message)
        return item

    def items(self, organization_id: str, dataset_id: str, search: str, offset: int, limit: int) -> Part:
        """Return a part of the items that a search finds, or of all, newest first.

        Raises:
            BadRequest: when the search cannot be used.
        """
        self.get(organization_id, dataset_id)
        if not search:
            found = self._items.slice(dataset_id, offset=offset, limit=limit, newest_first=True)
            return Part([shown(item) for item in found], offset, limit, self._items.count(dataset_id))
        wanted = parse(search, ITEM_KEYS)
        views = (shown(row.record) for row in self._items.scan(dataset_id, newest_first=True))
        matching = [view for view in views if wanted.matches(lambda key, view=view: item_values(view, key))]  # type: ignore[misc]
        return Part(matching[offset : offset + limit], offset, limit, len(matching))

    def delete_item(self, organization_id: str, dataset_id: str, item_id: str) -> OpsBeeItem:
        """Delete an item and return it as it was."""
        item = self.item(organization_id, dataset_id, item_id)
        self._items.delete(dataset_id, item_id)
        return item
