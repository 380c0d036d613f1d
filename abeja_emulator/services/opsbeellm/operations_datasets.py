"""Operations on datasets and their items (`abeja/opsbeellm/dataset/api/client.py`)."""

from typing import Any

from abeja_emulator.services.opsbeellm.datasets import Content, OpsBeeDatasets
from abeja_emulator.services.opsbeellm.listing import shown
from abeja_emulator.services.opsbeellm.records import OpsBeeItem
from abeja_emulator.services.opsbeellm.shapes import (
    Change,
    ItemQuery,
    NewOpsBeeDataset,
    NewOpsBeeItem,
    OpsBeeDatasetListView,
    OpsBeeDatasetView,
    OpsBeeItemListView,
    PartQuery,
)
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

DATASETS = "/opsbee-llm/organizations/{organization_id}/datasets"
DATASET = DATASETS + "/{dataset_id}"
ITEMS = DATASET + "/items"
ITEM = ITEMS + "/{item_id}"
SOURCE = "abeja/opsbeellm/dataset/api/client.py"


@operation(
    "GET",
    DATASETS,
    query=PartQuery,
    answer=OpsBeeDatasetListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_datasets",
)
def get_opsbeellm_datasets(call: Call[PartQuery, None]) -> dict[str, Any]:
    """List datasets, newest first."""
    organization = call.path["organization_id"]
    part = OpsBeeDatasets(call.world).select(organization, call.query.offset, call.query.limit)
    return part.view("datasets", organization_id=organization)


@operation(
    "POST",
    DATASETS,
    body=NewOpsBeeDataset,
    answer=OpsBeeDatasetView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_dataset",
)
def create_opsbeellm_dataset(call: Call[None, NewOpsBeeDataset]) -> dict[str, Any]:
    """Create a dataset."""
    datasets, body = OpsBeeDatasets(call.world), call.body
    made = datasets.create(call.path["organization_id"], body.name, body.type, body.description or "")
    return datasets.view(made)


@operation(
    "GET",
    DATASET,
    answer=OpsBeeDatasetView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_dataset",
)
def get_opsbeellm_dataset(call: Call[None, None]) -> dict[str, Any]:
    """Return a dataset with its number of items."""
    datasets = OpsBeeDatasets(call.world)
    return datasets.view(datasets.get(call.path["organization_id"], call.path["dataset_id"]))


@operation(
    "PATCH",
    DATASET,
    body=Change,
    answer=OpsBeeDatasetView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} update_dataset",
)
def update_opsbeellm_dataset(call: Call[None, Change]) -> dict[str, Any]:
    """Change the name and the description of a dataset."""
    datasets, body = OpsBeeDatasets(call.world), call.body
    changed = datasets.update(call.path["organization_id"], call.path["dataset_id"], body.name, body.description)
    return datasets.view(changed)


@operation(
    "DELETE",
    DATASET,
    answer=OpsBeeDatasetView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_dataset",
)
def delete_opsbeellm_dataset(call: Call[None, None]) -> dict[str, Any]:
    """Delete a dataset with its items and return it as it was."""
    return OpsBeeDatasets(call.world).delete(call.path["organization_id"], call.path["dataset_id"])


@operation(
    "GET",
    ITEMS,
    query=ItemQuery,
    answer=OpsBeeItemListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_dataset_items",
)
def get_opsbeellm_dataset_items(call: Call[ItemQuery, None]) -> dict[str, Any]:
    """List the items of a dataset, or those that a search finds, newest first."""
    organization, dataset, query = call.path["organization_id"], call.path["dataset_id"], call.query
    part = OpsBeeDatasets(call.world).items(organization, dataset, query.search_query, query.offset, query.limit)
    return part.view("items", organization_id=organization, dataset_id=dataset, total=part.total)


@operation(
    "POST",
    ITEMS,
    body=NewOpsBeeItem,
    answer=OpsBeeItem,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_dataset_item",
)
def create_opsbeellm_dataset_item(call: Call[None, NewOpsBeeItem]) -> dict[str, Any]:
    """Add an item to a dataset."""
    body = call.body
    content = Content(body.inputs, body.outputs, body.tags or [], body.metadata or [])
    datasets = OpsBeeDatasets(call.world)
    return shown(datasets.add_item(call.path["organization_id"], call.path["dataset_id"], content))


@operation(
    "GET",
    ITEM,
    answer=OpsBeeItem,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_dataset_item",
)
def get_opsbeellm_dataset_item(call: Call[None, None]) -> dict[str, Any]:
    """Return an item of a dataset."""
    path = call.path
    return shown(OpsBeeDatasets(call.world).item(path["organization_id"], path["dataset_id"], path["item_id"]))


@operation(
    "DELETE",
    ITEM,
    answer=OpsBeeItem,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_dataset_item",
)
def delete_opsbeellm_dataset_item(call: Call[None, None]) -> dict[str, Any]:
    """Delete an item of a dataset and return it as it was."""
    path = call.path
    return shown(OpsBeeDatasets(call.world).delete_item(path["organization_id"], path["dataset_id"], path["item_id"]))


OPERATIONS = operations_in(globals())
