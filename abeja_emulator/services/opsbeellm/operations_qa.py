"""Operations on the histories of `qa` deployments (`abeja/opsbeellm/history/api/client.py`)."""

from typing import Any

from abeja_emulator.services.messages import Message
from abeja_emulator.services.opsbeellm.histories import Histories, Place
from abeja_emulator.services.opsbeellm.shapes import (
    HistoryChange,
    HistoryIds,
    HistoryListView,
    HistoryQuery,
    HistoryView,
    MetadataPair,
    MetadataView,
    NewHistory,
)
from abeja_emulator.services.opsbeellm.views import exchange_of, history_list
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

DEPLOYMENT = "/opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}"
HISTORIES = DEPLOYMENT + "/qa_histories"
ALL = HISTORIES
HISTORY = HISTORIES + "/{history_id}"
METADATA = HISTORY + "/metadata"
ENTRY = METADATA + "/{metadata_id}"
TO_DATASET = ALL + "/datasets/{dataset_id}/items"
SOURCE = "abeja/opsbeellm/history/api/client.py"


@operation(
    "GET",
    ALL,
    query=HistoryQuery,
    answer=HistoryListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_qa_histories",
)
def get_qa_histories(call: Call[HistoryQuery, None]) -> dict[str, Any]:
    """List the histories of a `qa` deployment, or those that a search finds."""
    return history_list(call, _place(call))


@operation(
    "POST",
    HISTORIES,
    body=NewHistory,
    answer=HistoryView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_qa_history",
)
def create_qa_history(call: Call[None, NewHistory]) -> dict[str, Any]:
    """Add a history to a `qa` deployment."""
    histories = Histories(call.world)
    return histories.view(histories.create(_place(call), exchange_of(call.body), call.body.metadata or []))


@operation(
    "GET",
    HISTORY,
    answer=HistoryView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} update_qa_history reads texts, counts and tags",
)
def get_qa_history(call: Call[None, None]) -> dict[str, Any]:
    """Return a history of a `qa` deployment."""
    histories = Histories(call.world)
    return histories.view(histories.get(_place(call), call.path["history_id"]))


@operation(
    "PATCH",
    HISTORY,
    body=HistoryChange,
    answer=HistoryView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} update_qa_history",
)
def update_qa_history(call: Call[None, HistoryChange]) -> dict[str, Any]:
    """Change what is sent of a history of a `qa` deployment."""
    histories = Histories(call.world)
    return histories.view(histories.update(_place(call), call.path["history_id"], exchange_of(call.body)))


@operation(
    "DELETE",
    HISTORY,
    answer=HistoryView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_qa_history",
)
def delete_qa_history(call: Call[None, None]) -> dict[str, Any]:
    """Delete a history of a `qa` deployment and return it as it was."""
    return Histories(call.world).delete(_place(call), call.path["history_id"])


@operation(
    "POST",
    METADATA,
    body=MetadataPair,
    answer=MetadataView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_qa_history_metadata",
)
def create_qa_history_metadata(call: Call[None, MetadataPair]) -> dict[str, Any]:
    """Give a history of a `qa` deployment a key and a value."""
    body = call.body
    return Histories(call.world).add_metadata(_place(call), call.path["history_id"], body.key, body.value)


@operation(
    "PATCH",
    ENTRY,
    body=MetadataPair,
    answer=MetadataView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} update_qa_history_metadata",
)
def update_qa_history_metadata(call: Call[None, MetadataPair]) -> dict[str, Any]:
    """Change a key and a value of a history of a `qa` deployment."""
    path, body = call.path, call.body
    return Histories(call.world).change_metadata(
        _place(call), path["history_id"], path["metadata_id"], body.key, body.value
    )


@operation(
    "DELETE",
    ENTRY,
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_qa_history_metadata",
)
def delete_qa_history_metadata(call: Call[None, None]) -> dict[str, Any]:
    """Delete a key and its value of a history of a `qa` deployment."""
    Histories(call.world).delete_metadata(_place(call), call.path["history_id"], call.path["metadata_id"])
    return {"message": f"metadata {call.path['metadata_id']} was deleted."}


@operation(
    "POST",
    TO_DATASET,
    body=HistoryIds,
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} add_qa_histories_to_dataset; the form of the items is inferred",
)
def add_qa_histories_to_dataset(call: Call[None, HistoryIds]) -> dict[str, Any]:
    """Add an item to a dataset for each of some histories of a `qa` deployment, all or none."""
    dataset = call.path["dataset_id"]
    Histories(call.world).copy_to_dataset(_place(call), dataset, call.body.history_ids)
    return {"message": f"Successfully added qa histories to dataset {dataset}"}


def _place(call: Call[Any, Any]) -> Place:
    return Place(call.path["organization_id"], call.path["deployment_id"], "qa")


OPERATIONS = operations_in(globals())
