"""Putting a posted seed document on a platform, and saying what was made of it."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from abeja_emulator.control.shapes import Seeded, SeededChannel, SeededDatasetView, SeededDatasource, SeededUser
from abeja_emulator.errors import BadRequest, Conflict, PlatformError
from abeja_emulator.finding import advice, find_data, shortened
from abeja_emulator.seed_document import SeedOrganization, SeedUpload, admit, connect
from abeja_emulator.seeding import SeedError, samples_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.seed_document import SeedChannel, SeedDataset, SeedDocument


class PostedSeed:
    """A seed document that came over the wire.

    Args:
        document: the document.
        folder: where its paths begin; none of them may lead out of it, since whoever reaches the server reads what
            it seeds. None: it may name no files but the samples.
    """

    def __init__(self, document: SeedDocument, folder: Path | None) -> None:
        self._document = document
        self._folder = None if folder is None else folder.resolve()

    def put(self, platform: Platform) -> Seeded:
        """Put everything on a platform, all of it or nothing.

        Raises:
            BadRequest: when a part of it cannot be read or is not well-formed; it says which.
            Conflict: when it names another organization than the platform's, or something that is there already.
        """
        document = self._document
        _check_organization(document.organization, platform)
        with platform.world.store.transaction():
            admitted = admit(document, platform, _part)
            users = [SeededUser(user.id, user.email, user.role) for user in admitted.users]
            made = Seeded(users, admitted.bearer_tokens, admitted.cidrs, [], [], [])
            for number, channel in enumerate(document.channels):
                with _part(f"channels[{number}]"):
                    made.channels.append(self._channel(platform, channel))
            channels = [(channel.name, channel.channel_id) for channel in made.channels]
            made.datasources += [
                SeededDatasource(source.datasource_id, source.display_name, source.channels)
                for source in connect(document.datasources, platform, _part, channels)
            ]
            for number, dataset in enumerate(document.datasets):
                with _part(f"datasets[{number}]"):
                    made.datasets.append(self._dataset(platform, dataset))
        return made

    def _channel(self, platform: Platform, channel: SeedChannel) -> SeededChannel:
        identifier = platform.seed.channel(channel.name, channel.description, identifier=channel.id)
        made = SeededChannel(identifier, channel.name, [])
        for entry in channel.files:
            upload = SeedUpload(entry) if isinstance(entry, str) else entry
            made.files.append(
                platform.seed.file(
                    identifier,
                    self._file(upload.file),
                    content_type=upload.content_type,
                    metadata=upload.metadata,
                    lifetime=upload.lifetime,
                )
            )
        return made

    def _dataset(self, platform: Platform, dataset: SeedDataset) -> SeededDatasetView:
        if (dataset.source is None) == (dataset.items is None):
            message = "a dataset has either a source or items"
            raise SeedError(message)
        if dataset.source is not None:
            source: Any = self._source(dataset.source)
        else:
            source = {"items": [self._anchored(item) for item in dataset.items or []]}
        made = platform.seed.dataset(
            source, dataset.name, type=dataset.type, props=dataset.props, identifier=dataset.id
        )
        return SeededDatasetView(str(made), made.name, made.channel_id, list(made.labels), made.total_count)

    def _anchored(self, item: Any) -> Any:
        """Return an item whose file is found from wherever the server was started."""
        if isinstance(item, dict) and "file" in item:
            return {**item, "file": self._file(item["file"])}
        return item

    def _source(self, source: str) -> Path:
        places = [] if self._folder is None else [self._folder]
        found = find_data(source, places, "the server")
        if found is None:
            message = f"there is no folder and no file {shortened(source)!r}; {advice(source, places)}"
            raise SeedError(message)
        return self._inside(found, source)

    def _file(self, name: Any) -> Path:
        if not isinstance(name, str):
            message = f"a file is named by text, not by {name!r:.80}"
            raise SeedError(message)
        if self._folder is None:
            message = (
                f"the document names the file {shortened(name)!r}, but this server reads no files for a client; "
                "post its text as `content`, or upload it through the platform's API"
            )
            raise SeedError(message)
        path = self._inside(self._folder / name, name)
        if not path.is_file():
            message = f"there is no file {shortened(name)!r} in {self._folder}"
            raise SeedError(message)
        return path

    def _inside(self, path: Path, name: str) -> Path:
        """Return where a path really leads."""
        real = path.resolve()
        allowed = [samples_folder().resolve(), *([] if self._folder is None else [self._folder])]
        if not any(real == folder or folder in real.parents for folder in allowed):
            message = (
                f"{shortened(name)!r} leads out of the folder whose files this server seeds, "
                f"{'which is none' if self._folder is None else self._folder}; copy the data there"
            )
            raise SeedError(message)
        return real


@contextmanager
def _part(name: str) -> Iterator[None]:
    """Say which part of the document is refused."""
    try:
        yield
    except PlatformError as error:
        message = f"{name}: {error.description}"
        raise type(error)(message, detail=error.detail) from error
    except sqlite3.IntegrityError as error:
        message = f"{name}: it is on the platform already"
        raise Conflict(message) from error
    except (OSError, ValueError) as error:
        message = f"{name}: {error}"
        raise BadRequest(message) from error


def _check_organization(wanted: SeedOrganization, platform: Platform) -> None:
    """Check that a document does not want another organization than there is; one that says nothing does not."""
    organization = platform.organization
    same = wanted.name == organization.name and wanted.id in {None, organization.id}
    if wanted != SeedOrganization() and not same:
        message = (
            f"organization: that of this server is {organization.name!r}, {organization.id}, and stays so; start the "
            "server with this document to give it another"
        )
        raise Conflict(message)
