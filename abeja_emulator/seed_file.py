"""A seed file: what is on a platform from the start, in JSON or YAML.

```yaml
organization: {name: my-org, id: "1102940376065"}    # ids that handlers have in their code
users: [{token: secret-of-the-test, email: me@example.com}]
channels:
  - {name: logs, id: "1230000000001", files: [data/a.csv, {file: data/b.bin, metadata: {label: "1"}}]}
datasets:
  - {name: flowers, source: fixtures/flowers, id: "1230000000002"}
  - {name: two, items: [{content: "one", label: a}, {file: data/b.bin, label: b}]}
```

Every part may be left out. Paths are relative to the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

import msgspec

from abeja_emulator.seeding import SeedError, parse_file

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.platform import Platform


class SeedOrganization(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The default organization."""

    name: str = "default-org"
    id: Optional[str] = None


class SeedUser(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A user with one personal access token."""

    token: str
    email: str = "user@example.com"


class SeedUpload(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A file of a channel."""

    file: str
    content_type: Optional[str] = None
    metadata: dict[str, str] = {}
    lifetime: Optional[str] = None


class SeedChannel(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A channel and its files."""

    name: str
    id: Optional[str] = None
    description: Optional[str] = None
    files: list[Union[str, SeedUpload]] = []


class SeedDataset(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A dataset, from a folder or file (`source`) or from `items`, as `Seed.dataset` takes them."""

    name: Optional[str] = None
    id: Optional[str] = None
    source: Optional[str] = None
    items: Optional[list[Any]] = None
    type: Optional[str] = None
    props: Any = None


class SeedDocument(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """All that a seed file may say."""

    organization: SeedOrganization = SeedOrganization()
    users: list[SeedUser] = []
    bearer_tokens: list[str] = []
    channels: list[SeedChannel] = []
    datasets: list[SeedDataset] = []


class SeedFile:
    """A seed file that was read.

    Args:
        path: the file.

    Raises:
        SeedError: when it cannot be read, or says something that a seed file does not say.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.document = msgspec.convert(parse_file(path) or {}, SeedDocument)
        except msgspec.ValidationError as error:
            message = f"{path}: {error}"
            raise SeedError(message) from error

    def put(self, platform: Platform) -> None:
        """Put everything but the organization on a platform, all of it or nothing.

        Raises:
            SeedError: when a part of it cannot be put there; it says which.
        """
        with platform.world.store.transaction():
            for number, user in enumerate(self.document.users):
                self._part(f"users[{number}]", lambda user=user: platform.seed.user(user.token, user.email))
            for number, token in enumerate(self.document.bearer_tokens):
                self._part(f"bearer_tokens[{number}]", lambda token=token: platform.seed.bearer_token(token))
            for number, channel in enumerate(self.document.channels):
                self._part(f"channels[{number}]", lambda channel=channel: self._channel(platform, channel))
            for number, dataset in enumerate(self.document.datasets):
                self._part(f"datasets[{number}]", lambda dataset=dataset: self._dataset(platform, dataset))

    def _channel(self, platform: Platform, channel: SeedChannel) -> None:
        identifier = platform.seed.channel(channel.name, channel.description, identifier=channel.id)
        for entry in channel.files:
            upload = SeedUpload(entry) if isinstance(entry, str) else entry
            platform.seed.file(
                identifier,
                self._path.parent / upload.file,
                content_type=upload.content_type,
                metadata=upload.metadata,
                lifetime=upload.lifetime,
            )

    def _dataset(self, platform: Platform, dataset: SeedDataset) -> None:
        if (dataset.source is None) == (dataset.items is None):
            message = "a dataset has either a source or items"
            raise SeedError(message)
        if dataset.source is not None:
            source: Any = self._path.parent / dataset.source
        else:
            source = {"items": [_anchored(item, self._path.parent) for item in dataset.items or []]}
        platform.seed.dataset(source, dataset.name, type=dataset.type, props=dataset.props, identifier=dataset.id)

    def _part(self, name: str, put: Any) -> None:
        from abeja_emulator.errors import PlatformError  # noqa: PLC0415 - only when something is put

        try:
            put()
        except (PlatformError, ValueError, OSError) as error:
            message = f"{self._path}: {name}: {error}"
            raise SeedError(message) from error


def _anchored(item: Any, folder: Path) -> Any:
    """Return an item whose file is found from wherever the run was started."""
    if isinstance(item, dict) and isinstance(item.get("file"), str):
        return {**item, "file": folder / item["file"]}
    return item
