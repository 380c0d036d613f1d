"""State and rules of histories: what was asked in a thread, what was answered, its tags and its metadata."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, NotFound
from abeja_emulator.services.opsbeellm.datasets import Content, OpsBeeDatasets
from abeja_emulator.services.opsbeellm.deployments import OpsBeeDeployments
from abeja_emulator.services.opsbeellm.listing import Part, shown, shown_time, unknown, with_changes
from abeja_emulator.services.opsbeellm.records import History, Metadata, Thread
from abeja_emulator.services.opsbeellm.search import HISTORY_KEYS, history_values, parse
from abeja_emulator.services.opsbeellm.tags import Tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.wire.call import World

#: How long a key and a value of metadata may be, and how many there may be (SDK docstring of create_qa_history: "key
#: size limited under 65535 bytes […] number of keys limited under 20"). That the limits themselves are allowed is
#: inferred.
BYTES = 65535
KEYS = 20


class Place(NamedTuple):
    """Where histories are: in a deployment of a type, and for some calls in one of its threads."""

    organization_id: str
    deployment_id: str
    type: str
    thread_id: str | None = None


class Exchange(NamedTuple):
    """What of a history a client sends; what is None stays, or is empty to begin with."""

    input_text: str | None = None
    output_text: str | None = None
    input_token_count: int | None = None
    output_token_count: int | None = None
    tag_ids: list[str] | None = None


class Histories:
    """The histories of one Platform.

    A change of its metadata is no change of the history, nor is one of its histories a change of the deployment: when
    those were updated stays (inferred, as metadata has times of its own).
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._deployments = OpsBeeDeployments(world)
        self._datasets = OpsBeeDatasets(world)
        self._tags = Tags(world)
        self._histories = world.store.table("opsbeellm_history", History)

    def create(self, place: Place, exchange: Exchange, metadata: list[dict[str, str]]) -> History:
        """Add a history, with metadata given as a list of objects.

        Raises:
            BadRequest: when both texts are empty, a tag is unknown or the metadata breaks a limit.
            NotFound: when the deployment or the thread does not exist.
        """
        thread = self._thread(place)
        _check_texts(exchange.input_text, exchange.output_text)
        now = iso(self._world.clock.now())
        history = History(
            id=self._world.ids.platform_id(),
            organization_id=place.organization_id,
            deployment_id=place.deployment_id,
            thread_id=thread.id,
            input_text=exchange.input_text or "",
            output_text=exchange.output_text or "",
            input_token_count=exchange.input_token_count or 0,
            output_token_count=exchange.output_token_count or 0,
            tag_ids=self._tags.check(place.organization_id, exchange.tag_ids or []),
            metadata=[self._entry(key, value, now) for pairs in metadata for key, value in pairs.items()],
            created_at=now,
            updated_at=now,
        )
        _check_number(history)
        self._histories.insert(place.deployment_id, history.id, history)
        return history

    def get(self, place: Place, history_id: str) -> History:
        """Return a history.

        Raises:
            BadRequest: when the deployment is of the other type.
            NotFound: when the deployment, the thread or the history does not exist, or it is in another thread.
        """
        thread = self._thread(place)
        history = self._histories.get(place.deployment_id, history_id)
        if history is None or history.thread_id != thread.id:
            rows = self._histories.page(place.deployment_id, newest_first=True)
            newest = [row.record.id for row in rows if row.record.thread_id == thread.id]
            message = unknown(
                "history", history_id, f"thread {thread.id} of deployment {place.deployment_id}", newest[:10]
            )
            raise NotFound(message)
        return history

    def view(self, history: History) -> dict[str, Any]:
        """Return a history as the API shows it, with its thread and its tags as they are now."""
        return self._viewer(history.organization_id, history.deployment_id)(history)

    def select(  # noqa: PLR0913 - what a client says of a listing
        self, place: Place, search: str, *, sort_by: str, sort_order: str, offset: int, limit: int
    ) -> Part:
        """Return a part of the histories of a deployment, of all its threads, that a search finds.

        Those that are equal in what they are sorted by are in order of creation, or the other way round for `desc`.

        Raises:
            BadRequest: when the deployment is of the other type, or the search cannot be used.
        """
        self._deployments.get(place.organization_id, place.deployment_id, place.type)
        wanted = parse(search, HISTORY_KEYS) if search else None
        view = self._viewer(place.organization_id, place.deployment_id)
        found = []
        for row in self._histories.scan(place.deployment_id):
            shows = view(row.record)
            if wanted is None or wanted.matches(lambda key, shows=shows: history_values(shows, key)):  # type: ignore[misc]
                found.append((getattr(row.record, sort_by), row.seq, shows))
        found.sort(key=lambda each: each[:2], reverse=sort_order == "desc")
        return Part([each[2] for each in found[offset : offset + limit]], offset, limit, len(found))

    def thread_of(self, place: Place) -> Thread | None:
        """Return the one thread of a deployment, or None when it has several or none."""
        threads = self._deployments.oldest_threads(place.deployment_id, 2)
        return threads[0] if len(threads) == 1 else None

    def update(self, place: Place, history_id: str, exchange: Exchange) -> History:
        """Change a history; what is None stays.

        Raises:
            BadRequest: when both texts would be empty, or a tag is unknown.
        """
        history = self.get(place, history_id)
        if exchange.tag_ids is not None:
            exchange = exchange._replace(tag_ids=self._tags.check(place.organization_id, exchange.tag_ids))
        changed = with_changes(history, self._world.clock.now(), **exchange._asdict())
        _check_texts(changed.input_text, changed.output_text)
        self._histories.update(place.deployment_id, history_id, changed)
        return changed

    def delete(self, place: Place, history_id: str) -> dict[str, Any]:
        """Delete a history and return it as it was; what datasets took from it stays."""
        view = self.view(self.get(place, history_id))
        self._histories.delete(place.deployment_id, history_id)
        return view

    def copy_to_dataset(self, place: Place, dataset_id: str, history_ids: list[str]) -> None:
        """Add an item to a dataset for each of the histories, in their order; all or none.

        The items are copies: what becomes of the histories later does not change them. Their form is that of the
        examples of the docstrings (inferred): `input_text` and `output_text`, behind the `thread_name` of a chat, with
        the names of the tags and the metadata.

        Raises:
            BadRequest: when none is named, or one is no history of the deployment.
            NotFound: when the deployment or the dataset does not exist.
        """
        self._deployments.get(place.organization_id, place.deployment_id, place.type)
        self._datasets.get(place.organization_id, dataset_id)
        if not history_ids:
            message = "history_ids is empty; name at least one history"
            raise BadRequest(message)
        view = self._viewer(place.organization_id, place.deployment_id)
        for history_id in history_ids:
            history = self._histories.get(place.deployment_id, history_id)
            if history is None:
                message = f"history {history_id!r} of history_ids does not exist in deployment {place.deployment_id}"
                raise BadRequest(message)
            self._datasets.add_item(place.organization_id, dataset_id, _content(view(history), place.type))

    def add_metadata(self, place: Place, history_id: str, key: str, value: str) -> dict[str, Any]:
        """Give a history another key and value; a key that it has already is there twice, each with its id.

        Raises:
            BadRequest: when one is empty or too long, or there are as many as there may be.
        """
        history = self.get(place, history_id)
        entry = self._entry(key, value, iso(self._world.clock.now()))
        changed = msgspec.structs.replace(history, metadata=[*history.metadata, entry])
        _check_number(changed)
        self._histories.update(place.deployment_id, history_id, changed)
        return _metadata_view(history, entry)

    def change_metadata(self, place: Place, history_id: str, metadata_id: str, key: str, value: str) -> dict[str, Any]:
        """Change the key and the value of metadata.

        Raises:
            BadRequest: when one is empty or too long.
            NotFound: when the history has no metadata with that id.
        """
        history = self.get(place, history_id)
        entry = _metadata(history, metadata_id)
        _check_pair(key, value)
        changed = msgspec.structs.replace(entry, key=key, value=value, updated_at=iso(self._world.clock.now()))
        self._put(place, history, [changed if each.id == metadata_id else each for each in history.metadata])
        return _metadata_view(history, changed)

    def delete_metadata(self, place: Place, history_id: str, metadata_id: str) -> None:
        """Delete metadata.

        Raises:
            NotFound: when the history has none with that id.
        """
        history = self.get(place, history_id)
        entry = _metadata(history, metadata_id)
        self._put(place, history, [each for each in history.metadata if each is not entry])

    def _put(self, place: Place, history: History, metadata: list[Metadata]) -> None:
        self._histories.update(place.deployment_id, history.id, msgspec.structs.replace(history, metadata=metadata))

    def _thread(self, place: Place) -> Thread:
        self._deployments.get(place.organization_id, place.deployment_id, place.type)
        if place.thread_id is None:
            return self._deployments.oldest_threads(place.deployment_id, 1)[0]
        return self._deployments.thread(place.organization_id, place.deployment_id, place.thread_id)

    def _entry(self, key: str, value: str, now: str) -> Metadata:
        _check_pair(key, value)
        return Metadata(id=self._world.ids.platform_id(), key=key, value=value, created_at=now, updated_at=now)

    def _viewer(self, organization_id: str, deployment_id: str) -> Callable[[History], dict[str, Any]]:
        @functools.cache
        def thread_name(thread_id: str) -> str:
            return self._deployments.thread(organization_id, deployment_id, thread_id).name

        @functools.cache
        def tag(tag_id: str) -> dict[str, str]:
            found = self._tags.get(organization_id, tag_id)
            return {"id": found.id, "name": found.name, "description": found.description, "color": found.color}

        def view(history: History) -> dict[str, Any]:
            fields = shown(history)
            fields["thread_name"] = thread_name(history.thread_id)
            fields["tags"] = [tag(tag_id) for tag_id in fields.pop("tag_ids")]
            fields["metadata"] = [
                {"id": entry.id, "key": entry.key, "value": entry.value} for entry in history.metadata
            ]
            return fields

        return view


def _check_texts(input_text: str | None, output_text: str | None) -> None:
    if not input_text and not output_text:
        message = "input_text or output_text is necessary; both are empty"
        raise BadRequest(message)


def _check_pair(key: str, value: str) -> None:
    for name, text in (("key", key), ("value", value)):
        if not text:
            message = f"the {name} of metadata is necessary; it is empty"
            raise BadRequest(message)
        if len(text.encode()) > BYTES:
            message = f"the {name} of metadata has {len(text.encode())} bytes of UTF-8; it may have {BYTES}"
            raise BadRequest(message)


def _check_number(history: History) -> None:
    if len(history.metadata) > KEYS:
        message = f"a history may have {KEYS} keys of metadata, not {len(history.metadata)}"
        raise BadRequest(message)


def _metadata(history: History, metadata_id: str) -> Metadata:
    for entry in history.metadata:
        if entry.id == metadata_id:
            return entry
    known = [f"{entry.id} ({entry.key})" for entry in history.metadata]
    message = unknown("metadata", metadata_id, f"history {history.id}", known)
    raise NotFound(message)


def _metadata_view(history: History, entry: Metadata) -> dict[str, Any]:
    return {
        "organization_id": history.organization_id,
        "deployment_id": history.deployment_id,
        "history_id": history.id,
        **msgspec.structs.asdict(entry),
        "created_at": shown_time(entry.created_at),
        "updated_at": shown_time(entry.updated_at),
    }


def _content(history: dict[str, Any], type_: str) -> Content:
    thread = [{"thread_name": history["thread_name"]}] if type_ == "chat" else []
    return Content(
        inputs=[*thread, {"input_text": history["input_text"]}],
        outputs=[*thread, {"output_text": history["output_text"]}],
        tags=[tag["name"] for tag in history["tags"]],
        metadata=[{entry["key"]: entry["value"]} for entry in history["metadata"]],
    )
