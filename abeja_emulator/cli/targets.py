"""Where things are seeded: on a platform of this process, or through a running server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from abeja_emulator.cli.client import Client, authorization, segment
from abeja_emulator.cli.exits import CommandError
from abeja_emulator.errors import PlatformError
from abeja_emulator.seed_document import SeedOrganization, SeedUpload, admit, connect
from abeja_emulator.seeding import Labels, SeedError, entry_of, free_name, read_source, upload_of
from abeja_emulator.services.datalake.files import UNKNOWN_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from typing_extensions import Self

    from abeja_emulator.cli.sources import DatasetSource
    from abeja_emulator.platform import Platform
    from abeja_emulator.seed_document import SeedChannel, SeedDocument
    from abeja_emulator.seeding import Items
    from abeja_emulator.wire.content import Upload

#: Told now and then how many items or files there are so far.
Told = Callable[[int], object]

#: Uploads to a server at once; more only wait for one another.
_UPLOADS = 4

#: Items that are read, uploaded and added together, and the bytes of their files.
_BATCH = 500
_BATCH_BYTES = 32 * 1024 * 1024


class Target(Protocol):
    """A platform that things are put on."""

    def whole(self) -> AbstractContextManager[object]:
        """Return a context: what happens in it is there afterwards all of it or not at all, where that can be had."""

    def admit(self, document: SeedDocument) -> dict[str, Any]:
        """Put users, tokens, CIDRs and data sources of a document there, and return what was made.

        Its organization must be the one there is, and the channels of its data sources too, by their ids.
        """

    def channel(self, channel: SeedChannel, folder: Path, told: Told) -> dict[str, Any]:
        """Make a channel with its files, and return its id, its name and theirs."""

    def dataset(self, source: DatasetSource, told: Told) -> dict[str, Any]:
        """Make a dataset with its items, and return what it is."""


class PlatformTarget:
    """A platform of this process.

    Args:
        platform: the platform.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def whole(self) -> AbstractContextManager[object]:
        """Return a transaction."""
        return self._platform.world.store.transaction()

    def admit(self, document: SeedDocument) -> dict[str, Any]:
        """Put users, tokens, CIDRs and data sources there.

        Raises:
            SeedError: when the document wants another organization than there is, or a part of it cannot be.
        """
        wanted, there = document.organization, self._platform.organization
        if wanted != SeedOrganization() and (wanted.name != there.name or wanted.id not in {None, there.id}):
            message = (
                f"organization: it is {there.name!r}, {there.id}, here and stays so; leave it out of the document, or "
                "name a new directory and let serve --seed make it"
            )
            raise SeedError(message)
        made = admit(document, self._platform, part_of_document)
        users = [{"user_id": user.id, "email": user.email, "role": user.role} for user in made.users]
        sources = [
            {"datasource_id": source.datasource_id, "name": source.display_name, "channels": source.channels}
            for source in connect(document.datasources, self._platform, part_of_document)
        ]
        return {
            "users": users,
            "bearer_tokens": made.bearer_tokens,
            "cidrs": made.cidrs,
            "datasources": sources,
        }

    def channel(self, channel: SeedChannel, folder: Path, told: Told) -> dict[str, Any]:
        """Make a channel with its files."""
        seed = self._platform.seed
        identifier = seed.channel(channel.name, channel.description, identifier=channel.id)
        files = []
        for number, upload in enumerate(_uploads(channel), 1):
            with _reading(channel, upload):
                file_id = seed.file(
                    identifier,
                    folder / upload.file,
                    content_type=upload.content_type,
                    metadata=upload.metadata,
                    lifetime=upload.lifetime,
                )
            files.append(file_id)
            told(number)
        return {"channel_id": identifier, "name": channel.name, "files": files}

    def dataset(self, source: DatasetSource, told: Told) -> dict[str, Any]:
        """Make a dataset with its items."""
        made = self._platform.seed.dataset(
            source.source,
            source.name,
            type=source.type,
            props=source.props,
            identifier=source.identifier,
            progress=told,
        )
        return _shown(str(made), made.name, made.channel_id, made.labels, made.total_count)


class ServerTarget:
    """A running server, through its own API and the platform's.

    Args:
        client: of the server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        health = client.health()
        self._organization = health["organization_id"]
        self._authorization = authorization(health["auth"])
        self._pool = ThreadPoolExecutor(_UPLOADS)
        self._local = threading.local()
        self._clients: list[Client] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown()
        for client in self._clients:
            client.close()

    def whole(self) -> AbstractContextManager[object]:
        """Return nothing of the kind: a server that is used by others cannot wait for it."""
        return nullcontext()

    def admit(self, document: SeedDocument) -> dict[str, Any]:
        """Put users, tokens, CIDRs and data sources there."""
        body = msgspec.to_builtins(document)
        if document.organization == SeedOrganization():
            del body["organization"]
        made: dict[str, Any] = self._client.control("POST", "/seed", body)
        return made

    def channel(self, channel: SeedChannel, folder: Path, told: Told) -> dict[str, Any]:
        """Make a channel with its files."""
        body = {"name": channel.name, "id": channel.id, "description": channel.description}
        identifier = self._client.control("POST", "/seed", {"channels": [body]})["channels"][0]["channel_id"]
        files: list[str] = []
        for upload in _uploads(channel):
            with _reading(channel, upload):
                entry = entry_of({"file": upload.file}, folder)
                # What the document says of its metadata is all there is, as with `Seed.file`.
                kind = upload.content_type or entry.content_type
                content = upload_of(entry._replace(content_type=kind, metadata=upload.metadata))
            files.append(self._upload(self._client, identifier, content, upload.lifetime)["file_id"])
            told(len(files))
        return {"channel_id": identifier, "name": channel.name, "files": files}

    def dataset(self, source: DatasetSource, told: Told) -> dict[str, Any]:
        """Make a dataset with its items.

        Its labels have to be known before the first item is made, so that the source is read twice.
        """
        items = read_source(source.source)
        props = items.given.get("props") if source.props is None else source.props
        labels, count = Labels(props), 0
        for entry in items:
            _labelled(items, labels, entry)
            count += 1
        name = source.name or free_name(items.given.get("name") or "dataset", self._names())
        body: dict[str, Any] = {
            "name": name,
            "id": source.identifier,
            "items": [],
            "type": source.type or items.given.get("type") or ("classification" if labels.names else "custom"),
            "props": labels.props(name) if props is None else props,
        }
        (made,) = self._client.control("POST", "/seed", {"datasets": [body]})["datasets"]
        try:
            self._fill(made["dataset_id"], made["channel_id"], items, labels, told)
        except BaseException:
            # What went wrong is what the person must hear, even when the server has gone too.
            with suppress(CommandError):
                self._call(self._client, "DELETE", self._path(f"/datasets/{made['dataset_id']}"))
            raise
        return _shown(made["dataset_id"], name, made["channel_id"], labels.names, count)

    def _fill(self, dataset_id: str, channel_id: str, items: Items, labels: Labels, told: Told) -> None:
        path, done = self._path(f"/datasets/{dataset_id}/items"), 0
        for batch in _batches(items, labels):
            files = [item.upload for item in batch if item.upload is not None]
            uploaded = self._pool.map(lambda file: self._upload(self._client_of_thread(), channel_id, file), files)
            body: list[dict[str, Any]] = []
            for item in batch:
                source_data = item.source_data
                if item.upload is not None:
                    file = next(uploaded)
                    uri = f"datalake://{channel_id}/{file['file_id']}"
                    source_data = [{"data_uri": uri, "data_type": file["content_type"]}]
                body.append({"source_data": source_data, "attributes": item.attributes})
            headers = {"Content-Type": "application/json"}
            self._call(self._client, "POST", path, json.dumps(body).encode(), headers)
            done += len(batch)
            told(done)

    def _names(self) -> set[str]:
        return {dataset["name"] for dataset in self._call(self._client, "GET", self._path("/datasets"))}

    def _upload(self, client: Client, channel_id: str, upload: Upload, lifetime: str | None = None) -> dict[str, Any]:
        headers = {**upload.metadata, "Content-Type": upload.content_type or UNKNOWN_TYPE}
        path = f"/channels/{segment(channel_id)}/upload" + (f"?lifetime={segment(lifetime)}" if lifetime else "")
        assert isinstance(upload.content, bytes)  # noqa: S101 - as `upload_of` makes them
        made: dict[str, Any] = self._call(client, "POST", path, upload.content, headers)
        return made

    def _path(self, path: str) -> str:
        return f"/organizations/{segment(self._organization)}{path}"

    def _call(
        self, client: Client, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        return client.call(method, path, body, {**(headers or {}), "Authorization": self._authorization})

    def _client_of_thread(self) -> Client:
        client: Client | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = Client(self._client.url)
            self._clients.append(client)
        return client


@contextmanager
def part_of_document(name: str) -> Iterator[None]:
    """Say which part of a document is refused."""
    try:
        yield
    except (PlatformError, ValueError) as error:
        message = f"{name}: {error}"
        raise SeedError(message) from error


class _Item(NamedTuple):
    """An item that was read: what to upload for it, or source data as it is, and its attributes."""

    upload: Upload | None
    source_data: list[dict[str, Any]]
    attributes: Any


def _batches(items: Items, labels: Labels) -> Iterator[list[_Item]]:
    batch: list[_Item] = []
    size = 0
    for entry in items:
        attributes = _labelled(items, labels, entry)
        try:
            upload = upload_of(entry) if entry.uploads else None
        except (OSError, ValueError) as error:
            raise items.wrong(error) from error
        batch.append(_Item(upload, entry.source_data, attributes))
        size += 0 if upload is None else upload.size
        if len(batch) == _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _labelled(items: Items, labels: Labels, entry: Any) -> Any:
    try:
        return labels.attributes(entry)
    except SeedError as error:
        raise items.wrong(error) from error


def _uploads(channel: SeedChannel) -> Iterable[SeedUpload]:
    return (SeedUpload(file) if isinstance(file, str) else file for file in channel.files)


@contextmanager
def _reading(channel: SeedChannel, upload: SeedUpload) -> Iterator[None]:
    """Say which file of which channel cannot be read."""
    try:
        yield
    except OSError as error:
        message = f"channel {channel.name}: the file {upload.file!r} cannot be read: {error.strerror or error}"
        raise SeedError(message) from error


def _shown(dataset_id: str, name: str, channel_id: str, labels: Iterable[str], count: int) -> dict[str, Any]:
    return {
        "dataset_id": dataset_id,
        "name": name,
        "channel_id": channel_id,
        "labels": list(labels),
        "total_count": count,
    }
