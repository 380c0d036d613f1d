"""Operations on the histories of `qa` and of `chat` deployments (`abeja/opsbeellm/history/api/client.py`).

Both have the same nine, which differ in their paths: a history of a `chat` deployment is in a thread that the path
names, one of a `qa` deployment in the only thread there is. What the two have in common stands first.
"""

from functools import partial
from typing import Any

import msgspec

from abeja_emulator.services.messages import Message
from abeja_emulator.services.opsbeellm.histories import Exchange, Histories, Place
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
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

DEPLOYMENT = "/opsbee-llm/organizations/{organization_id}/deployments/{deployment_id}"
QA_HISTORIES = DEPLOYMENT + "/qa_histories"
QA_HISTORY = QA_HISTORIES + "/{history_id}"
QA_METADATA = QA_HISTORY + "/metadata"
CHAT_HISTORIES = DEPLOYMENT + "/histories"
THREAD_HISTORIES = DEPLOYMENT + "/threads/{thread_id}/histories"
THREAD_HISTORY = THREAD_HISTORIES + "/{history_id}"
THREAD_METADATA = THREAD_HISTORY + "/metadata"
ENTRY = "/{metadata_id}"
TO_DATASET = "/datasets/{dataset_id}/items"
SOURCE = "abeja/opsbeellm/history/api/client.py"

#: What each of the nine refuses with.
REFUSALS = (400, 401, 403, 404)

_lists = partial(operation, "GET", query=HistoryQuery, answer=HistoryListView, errors=REFUSALS)
_creates = partial(operation, "POST", body=NewHistory, answer=HistoryView, errors=REFUSALS)
_returns = partial(operation, "GET", answer=HistoryView, errors=REFUSALS)
_updates = partial(operation, "PATCH", body=HistoryChange, answer=HistoryView, errors=REFUSALS)
_deletes = partial(operation, "DELETE", answer=HistoryView, errors=REFUSALS)
_creates_metadata = partial(operation, "POST", body=MetadataPair, answer=MetadataView, errors=REFUSALS)
_updates_metadata = partial(operation, "PATCH", body=MetadataPair, answer=MetadataView, errors=REFUSALS)
_deletes_metadata = partial(operation, "DELETE", answer=Message, errors=REFUSALS)
_adds_to_dataset = partial(operation, "POST", body=HistoryIds, answer=Message, errors=REFUSALS)


def _qa(call: Call[Any, Any]) -> Place:
    return Place(call.path["organization_id"], call.path["deployment_id"], "qa")


def _chat(call: Call[Any, Any]) -> Place:
    return Place(call.path["organization_id"], call.path["deployment_id"], "chat", call.path.get("thread_id"))


def _list(call: Call[HistoryQuery, None], place: Place) -> dict[str, Any]:
    histories, query = Histories(call.world), call.query
    part = histories.select(
        place,
        query.search_query,
        sort_by=query.sort_by,
        sort_order=query.sort_order,
        offset=query.offset,
        limit=query.limit,
    )
    thread = histories.thread_of(place)
    return part.view(
        "histories",
        organization_id=place.organization_id,
        deployment_id=place.deployment_id,
        thread_id=thread and thread.id,
        thread_name=thread and thread.name,
        sort_by=query.sort_by,
        sort_order=query.sort_order,
        total=part.total,
    )


def _create(call: Call[None, NewHistory], place: Place) -> dict[str, Any]:
    histories = Histories(call.world)
    return histories.view(histories.create(place, _exchange(call.body), call.body.metadata or []))


def _get(call: Call[None, None], place: Place) -> dict[str, Any]:
    histories = Histories(call.world)
    return histories.view(histories.get(place, call.path["history_id"]))


def _update(call: Call[None, HistoryChange], place: Place) -> dict[str, Any]:
    histories = Histories(call.world)
    return histories.view(histories.update(place, call.path["history_id"], _exchange(call.body)))


def _delete(call: Call[None, None], place: Place) -> dict[str, Any]:
    return Histories(call.world).delete(place, call.path["history_id"])


def _create_metadata(call: Call[None, MetadataPair], place: Place) -> dict[str, Any]:
    return Histories(call.world).add_metadata(place, call.path["history_id"], call.body.key, call.body.value)


def _update_metadata(call: Call[None, MetadataPair], place: Place) -> dict[str, Any]:
    path, body = call.path, call.body
    return Histories(call.world).change_metadata(place, path["history_id"], path["metadata_id"], body.key, body.value)


def _delete_metadata(call: Call[None, None], place: Place) -> dict[str, Any]:
    Histories(call.world).delete_metadata(place, call.path["history_id"], call.path["metadata_id"])
    return {"message": f"metadata {call.path['metadata_id']} was deleted."}


def _add_to_dataset(call: Call[None, HistoryIds], place: Place, words: str) -> dict[str, Any]:
    dataset = call.path["dataset_id"]
    Histories(call.world).copy_to_dataset(place, dataset, call.body.history_ids)
    return {"message": f"Successfully added {words} to dataset {dataset}"}


def _exchange(body: HistoryChange) -> Exchange:
    sent = msgspec.structs.asdict(body)
    return Exchange(*(sent[name] for name in Exchange._fields))


@_lists(QA_HISTORIES, evidence=Evidence.DOCUMENTED, source=f"{SOURCE} get_qa_histories")
def get_qa_histories(call: Call[HistoryQuery, None]) -> dict[str, Any]:
    """List the histories of a `qa` deployment, or those that a search finds."""
    return _list(call, _qa(call))


@_creates(QA_HISTORIES, evidence=Evidence.DOCUMENTED, source=f"{SOURCE} create_qa_history")
def create_qa_history(call: Call[None, NewHistory]) -> dict[str, Any]:
    """Add a history to a `qa` deployment."""
    return _create(call, _qa(call))


@_returns(QA_HISTORY, evidence=Evidence.CLIENT, source=f"{SOURCE} update_qa_history reads texts, counts and tags")
def get_qa_history(call: Call[None, None]) -> dict[str, Any]:
    """Return a history of a `qa` deployment."""
    return _get(call, _qa(call))


@_updates(QA_HISTORY, evidence=Evidence.DOCUMENTED, source=f"{SOURCE} update_qa_history")
def update_qa_history(call: Call[None, HistoryChange]) -> dict[str, Any]:
    """Change what is sent of a history of a `qa` deployment."""
    return _update(call, _qa(call))


@_deletes(QA_HISTORY, evidence=Evidence.DOCUMENTED, source=f"{SOURCE} delete_qa_history")
def delete_qa_history(call: Call[None, None]) -> dict[str, Any]:
    """Delete a history of a `qa` deployment and return it as it was."""
    return _delete(call, _qa(call))


@_creates_metadata(QA_METADATA, evidence=Evidence.DOCUMENTED, source=f"{SOURCE} create_qa_history_metadata")
def create_qa_history_metadata(call: Call[None, MetadataPair]) -> dict[str, Any]:
    """Give a history of a `qa` deployment a key and a value."""
    return _create_metadata(call, _qa(call))


@_updates_metadata(QA_METADATA + ENTRY, evidence=Evidence.DOCUMENTED, source=f"{SOURCE} update_qa_history_metadata")
def update_qa_history_metadata(call: Call[None, MetadataPair]) -> dict[str, Any]:
    """Change a key and a value of a history of a `qa` deployment."""
    return _update_metadata(call, _qa(call))


@_deletes_metadata(QA_METADATA + ENTRY, evidence=Evidence.DOCUMENTED, source=f"{SOURCE} delete_qa_history_metadata")
def delete_qa_history_metadata(call: Call[None, None]) -> dict[str, Any]:
    """Delete a key and its value of a history of a `qa` deployment."""
    return _delete_metadata(call, _qa(call))


@_adds_to_dataset(
    QA_HISTORIES + TO_DATASET,
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} add_qa_histories_to_dataset; the form of the items is inferred",
)
def add_qa_histories_to_dataset(call: Call[None, HistoryIds]) -> dict[str, Any]:
    """Add an item to a dataset for each of some histories of a `qa` deployment, all or none."""
    return _add_to_dataset(call, _qa(call), "qa histories")


@_lists(CHAT_HISTORIES, evidence=Evidence.DOCUMENTED, source=f"{SOURCE} get_chat_histories")
def get_chat_histories(call: Call[HistoryQuery, None]) -> dict[str, Any]:
    """List the histories of all threads of a `chat` deployment, or those that a search finds."""
    return _list(call, _chat(call))


@_creates(THREAD_HISTORIES, evidence=Evidence.DOCUMENTED, source=f"{SOURCE} create_chat_history")
def create_chat_history(call: Call[None, NewHistory]) -> dict[str, Any]:
    """Add a history to a thread of a `chat` deployment."""
    return _create(call, _chat(call))


@_returns(THREAD_HISTORY, evidence=Evidence.CLIENT, source=f"{SOURCE} update_chat_history reads texts, counts and tags")
def get_chat_history(call: Call[None, None]) -> dict[str, Any]:
    """Return a history of a `chat` deployment."""
    return _get(call, _chat(call))


@_updates(THREAD_HISTORY, evidence=Evidence.DOCUMENTED, source=f"{SOURCE} update_chat_history")
def update_chat_history(call: Call[None, HistoryChange]) -> dict[str, Any]:
    """Change what is sent of a history of a `chat` deployment."""
    return _update(call, _chat(call))


@_deletes(THREAD_HISTORY, evidence=Evidence.DOCUMENTED, source=f"{SOURCE} delete_chat_history")
def delete_chat_history(call: Call[None, None]) -> dict[str, Any]:
    """Delete a history of a `chat` deployment and return it as it was."""
    return _delete(call, _chat(call))


@_creates_metadata(THREAD_METADATA, evidence=Evidence.DOCUMENTED, source=f"{SOURCE} create_chat_history_metadata")
def create_chat_history_metadata(call: Call[None, MetadataPair]) -> dict[str, Any]:
    """Give a history of a `chat` deployment a key and a value."""
    return _create_metadata(call, _chat(call))


@_updates_metadata(
    THREAD_METADATA + ENTRY, evidence=Evidence.DOCUMENTED, source=f"{SOURCE} update_chat_history_metadata"
)
def update_chat_history_metadata(call: Call[None, MetadataPair]) -> dict[str, Any]:
    """Change a key and a value of a history of a `chat` deployment."""
    return _update_metadata(call, _chat(call))


@_deletes_metadata(
    THREAD_METADATA + ENTRY, evidence=Evidence.DOCUMENTED, source=f"{SOURCE} delete_chat_history_metadata"
)
def delete_chat_history_metadata(call: Call[None, None]) -> dict[str, Any]:
    """Delete a key and its value of a history of a `chat` deployment."""
    return _delete_metadata(call, _chat(call))


@_adds_to_dataset(
    CHAT_HISTORIES + TO_DATASET,
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} add_chat_histories_to_dataset; the form of the items is inferred",
)
def add_chat_histories_to_dataset(call: Call[None, HistoryIds]) -> dict[str, Any]:
    """Add an item to a dataset for each of some histories of a `chat` deployment, all or none."""
    return _add_to_dataset(call, _chat(call), "histories")


OPERATIONS = operations_in(globals())
