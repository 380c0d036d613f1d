"""Operations on datasets and their items (`abeja/datasets/api/client.py`)."""

from typing import Any, Optional, Union

import msgspec

from abeja_emulator.errors import BadRequest
from abeja_emulator.services.datasets.records import DatasetItem
from abeja_emulator.services.datasets.rules import Datasets
from abeja_emulator.services.paging import MOST, Limit
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

COLLECTION = "/organizations/{organization_id}/datasets"
DATASET = COLLECTION + "/{dataset_id}"
ITEMS = DATASET + "/items"
ITEM = ITEMS + "/{dataset_item_id}"
SOURCE = "abeja/datasets/api/client.py"


class NewDataset(msgspec.Struct):
    """A dataset to create."""

    name: str
    type: str
    props: Any


class DatasetView(msgspec.Struct):
    """A dataset, as the API shows it; times have no zone."""

    organization_id: str
    dataset_id: str
    name: str
    type: str
    props: Any
    total_count: int
    created_at: str
    updated_at: str


class DatasetList(msgspec.Struct):
    """Which datasets to list."""

    max_results: Optional[Limit] = None
    next_token: Optional[str] = None


class NewItem(msgspec.Struct):
    """An item to create."""

    source_data: list[dict[str, Any]]
    attributes: Any = None


class ItemList(msgspec.Struct):
    """Which items to list."""

    limit: Optional[Limit] = None
    next_page_token: Optional[str] = None
    q: Optional[str] = None


class ItemPageView(msgspec.Struct):
    """A page of items."""

    items: list[DatasetItem]
    total_count: int
    next_page_token: Optional[str]


class NewAttributes(msgspec.Struct):
    """Attributes to put in the place of an item's."""

    attributes: Any = None


class ItemAttributes(msgspec.Struct):
    """Attributes for one of several items."""

    dataset_item_id: int
    attributes: Any


@operation(
    "POST",
    COLLECTION,
    body=NewDataset,
    answer=DatasetView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_dataset",
)
def create_dataset(call: Call[None, NewDataset]) -> dict[str, Any]:
    """Create a dataset; a name that exists is refused with 400."""
    datasets = Datasets(call.world)
    body = call.body
    return datasets.view(datasets.create(call.path["organization_id"], body.name, body.type, body.props))


@operation(
    "GET",
    COLLECTION,
    query=DatasetList,
    answer=list[DatasetView],
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} list_datasets; abeja/datasets/dataset.py takes a bare array",
)
def list_datasets(call: Call[DatasetList, None]) -> list[dict[str, Any]]:
    """List datasets as a bare array; nothing in it can carry a token, so `next_token` is an offset."""
    datasets = Datasets(call.world)
    token = call.query.next_token or "0"
    if not token.isdecimal() or len(token) > len(str(MOST)) or int(token) > MOST:
        message = f"next_token {token!r} is not a number of datasets to skip"
        raise BadRequest(message)
    limit = call.query.max_results
    found = datasets.select(call.path["organization_id"], int(token), -1 if limit is None else limit)
    return [datasets.view(dataset) for dataset in found]


@operation(
    "GET",
    DATASET,
    answer=DatasetView,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_dataset; abeja/datasets/dataset.py",
)
def get_dataset(call: Call[None, None]) -> dict[str, Any]:
    """Return a dataset with its number of items."""
    datasets = Datasets(call.world)
    return datasets.view(datasets.get(call.path["organization_id"], call.path["dataset_id"]))


@operation(
    "DELETE",
    DATASET,
    answer=DatasetView,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} delete_dataset; abeja/datasets/dataset.py builds a Dataset from the answer",
)
def delete_dataset(call: Call[None, None]) -> dict[str, Any]:
    """Delete a dataset with its items and return it as it was."""
    return Datasets(call.world).delete(call.path["organization_id"], call.path["dataset_id"])


@operation(
    "POST",
    ITEMS,
    body=Union[NewItem, list[NewItem]],
    answer=Union[DatasetItem, list[DatasetItem]],
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} create_dataset_item; abejacli dataset import-from-datalake sends an array",
)
def create_dataset_item(call: Call[None, Union[NewItem, list[NewItem]]]) -> Union[DatasetItem, list[DatasetItem]]:
    """Add one item, or an array of items, all or none."""
    body = call.body
    entries = body if isinstance(body, list) else [body]
    items = Datasets(call.world).add_items(
        call.path["organization_id"],
        call.path["dataset_id"],
        [(entry.source_data, entry.attributes) for entry in entries],
    )
    return items if isinstance(body, list) else items[0]


@operation(
    "GET",
    ITEMS,
    query=ItemList,
    answer=ItemPageView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} list_dataset_items; abeja/datasets/dataset_item.py ends on an empty page",
)
def list_dataset_items(call: Call[ItemList, None]) -> dict[str, Any]:
    """Return a page of items; the page behind the last item is empty and has no token."""
    query = call.query
    page = Datasets(call.world).items(
        call.path["organization_id"], call.path["dataset_id"], query.limit, query.next_page_token, query.q
    )
    return page._asdict()


@operation(
    "PUT",
    ITEMS,
    body=list[ItemAttributes],
    answer=list[DatasetItem],
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} bulk_update_dataset_item",
)
def bulk_update_dataset_item(call: Call[None, list[ItemAttributes]]) -> list[DatasetItem]:
    """Replace the attributes of several items, all or none."""
    return Datasets(call.world).update_items(
        call.path["organization_id"],
        call.path["dataset_id"],
        [(entry.dataset_item_id, entry.attributes) for entry in call.body],
    )


@operation(
    "GET",
    ITEM,
    answer=DatasetItem,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_dataset_item; abeja/datasets/dataset_item.py",
)
def get_dataset_item(call: Call[None, None]) -> DatasetItem:
    """Return an item."""
    return Datasets(call.world).item(
        call.path["organization_id"], call.path["dataset_id"], call.path["dataset_item_id"]
    )


@operation(
    "PUT",
    ITEM,
    body=NewAttributes,
    answer=DatasetItem,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} update_dataset_item",
)
def update_dataset_item(call: Call[None, NewAttributes]) -> DatasetItem:
    """Replace the attributes of an item."""
    return Datasets(call.world).update_item(
        call.path["organization_id"],
        call.path["dataset_id"],
        call.path["dataset_item_id"],
        call.body.attributes,
    )


@operation(
    "DELETE",
    ITEM,
    answer=DatasetItem,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} delete_dataset_item; abeja/datasets/dataset_item.py builds an item from the answer",
)
def delete_dataset_item(call: Call[None, None]) -> DatasetItem:
    """Delete an item and return it as it was."""
    return Datasets(call.world).delete_item(
        call.path["organization_id"], call.path["dataset_id"], call.path["dataset_item_id"]
    )


OPERATIONS = operations_in(globals())
