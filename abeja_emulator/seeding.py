"""Seed: puts things on a platform from what people have at hand: folders, lists, JSON and YAML."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Union
from urllib.parse import quote

from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.datalake.files import UNKNOWN_TYPE, Files
from abeja_emulator.services.datasets.rules import Datasets
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.wire.content import Upload
from abeja_emulator.wire.validation import METADATA_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from typing_extensions import Self

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.organizations.records import Datasource, Organization, User

Content = Union[bytes, str, Path]
Source = Union[str, Path, "Sequence[Any]", "Mapping[str, Any]"]

#: Keys of one entry of a list of items.
_ENTRY_KEYS = ("attributes", "content", "content_type", "file", "label", "metadata", "source_data")

#: Keys of a dataset that is described as a whole.
_DATASET_KEYS = ("items", "name", "props", "type")

_YAML = (".yaml", ".yml")


def samples_folder() -> Path:
    """Return the folder of the sample data, which travels with the package; in a checkout it is `fixtures/`."""
    inside = Path(__file__).parent / "samples"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "fixtures"


class SeedError(ValueError):
    """What was to be put on the platform cannot be read as it is."""


class SeededDataset(str):  # noqa: SLOT000 - few of them, and people may note things on one
    """The id of a dataset, as text, that also knows where it came from.

    Attributes:
        name: name of the dataset.
        channel_id: channel that holds its files.
        labels: its labels, in the order of their ids; empty without labels.
        total_count: number of items.
    """

    name: str
    channel_id: str
    labels: tuple[str, ...]
    total_count: int

    def __new__(  # noqa: D102 - the class says it
        cls, identifier: str, name: str, channel_id: str, labels: Iterable[str], total_count: int
    ) -> Self:
        dataset = super().__new__(cls, identifier)
        dataset.name, dataset.channel_id = name, channel_id
        dataset.labels, dataset.total_count = tuple(labels), total_count
        return dataset

    def __getnewargs__(self) -> tuple[str, str, str, tuple[str, ...], int]:  # type: ignore[override]
        """Return what a copy, in this process or in another, is made of."""
        return str(self), self.name, self.channel_id, self.labels, self.total_count

    @property
    def dataset_id(self) -> str:
        """The id."""
        return str(self)


class _Entry(NamedTuple):
    """One item to come: a file to upload, or source data as it is."""

    content: bytes | None
    content_type: str | None
    file_name: str | None
    source_data: list[dict[str, Any]]
    label: str | None
    attributes: Any
    metadata: Mapping[str, str]


class Seed:
    """Puts things on a platform, all of one call or nothing."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._world = platform.world
        self._accounts = Accounts(self._world)

    def dataset(
        self,
        source: Source,
        name: str | None = None,
        *,
        type: str | None = None,  # noqa: A002 - the word of the platform
        props: Any = None,
        identifier: str | None = None,
    ) -> SeededDataset:
        """Create a dataset and upload its files, and return its id.

        Args:
            source: one of
                a folder with one sub-folder for each label, or with files and no labels;
                a JSON or YAML file, or a mapping, with `items` and, if wanted, `name`, `type`, `props`;
                a list of items, each a pair (content, label) or a mapping with `file` (a path) or
                `content` (bytes, text, or anything JSON) or `source_data`, and with `label` or
                `attributes`, and if wanted `content_type` and `metadata`. Paths are relative to the
                JSON or YAML file, or to the working directory.
            name: name of the dataset; by default that of the source, and a number when it is taken.
            type: `classification` when there are labels, `custom` when there are none.
            props: as the platform keeps it; by default one category with the labels. Labels of items are
                looked for in its categories.
            identifier: id of the dataset, such as one that a handler has in its code; 13 digits.

        Raises:
            SeedError: when the source cannot be read; nothing was created then.
        """
        entries, given = _read(source)
        labels = list(dict.fromkeys(entry.label for entry in entries if entry.label is not None))
        wanted = name or given.get("name") or "dataset"
        category = {
            "category_id": 1,
            "name": wanted,
            "labels": [{"label_id": number, "label": label} for number, label in enumerate(labels)],
        }
        if props is None:
            props = given.get("props", {"categories": [category]} if labels else {})
        ids = _label_ids(props, labels)
        kind = type or given.get("type") or ("classification" if labels else "custom")
        organization = self._platform.organization.id
        with self._world.store.transaction():
            datasets = Datasets(self._world)
            taken = {dataset.name for dataset in datasets.select(organization)}
            unique = wanted if name else _free_name(wanted, taken)
            dataset = datasets.create(organization, unique, kind, props, identifier)
            channel = Channels(self._world).create(organization, unique, f"files of dataset {unique}")
            items = [(self._source_data(channel.channel_id, entry), _attributes(entry, ids)) for entry in entries]
            datasets.add_items(organization, dataset.dataset_id, items)
        return SeededDataset(dataset.dataset_id, unique, channel.channel_id, labels, len(items))

    def channel(self, name: str, description: str | None = None, identifier: str | None = None) -> str:
        """Create a channel and return its id; `identifier` is one that a handler has in its code."""
        organization = self._platform.organization.id
        with self._world.store.transaction():
            channels = Channels(self._world)
            return channels.create(organization, name, description, identifier=identifier).channel_id

    def file(
        self,
        channel_id: str,
        content: Content,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        lifetime: str | None = None,
    ) -> str:
        """Upload a file (bytes, text, or a path) to a channel and return its id."""
        entry = _entry({"file" if isinstance(content, Path) else "content": content}, Path.cwd())
        with self._world.store.transaction():
            Channels(self._world).organization_of(channel_id)
            entry = entry._replace(content_type=content_type or entry.content_type, metadata=metadata or {})
            return Files(self._world).upload(channel_id, _upload(entry), lifetime).file_id

    def organization(self, name: str, identifier: str | None = None) -> Organization:
        """Create an organization; give the id that a handler has in its code, when it has one."""
        with self._world.store.transaction():
            return self._accounts.add_organization(name, identifier)

    def user(self, token: str, email: str = "user@example.com", organization_id: str | None = None) -> User:
        """Create a user whose personal access token is `token`."""
        self._platform.keep_secret(token)
        with self._world.store.transaction():
            return self._accounts.add_user(organization_id or self._platform.organization.id, token, email=email)

    def bearer_token(self, token: str, user_id: str | None = None) -> None:
        """Make `token` a bearer token of a user, the default one if none is named."""
        self._platform.keep_secret(token)
        with self._world.store.transaction():
            self._accounts.add_bearer_token(self._platform.organization.id, user_id or self._platform.user.id, token)

    def datasource(self, display_name: str | None = None) -> Datasource:
        """Create a data source; the API links it to channels."""
        with self._world.store.transaction():
            return self._accounts.add_datasource(self._platform.organization.id, display_name)

    def _source_data(self, channel_id: str, entry: _Entry) -> list[dict[str, Any]]:
        if entry.content is None:
            return entry.source_data
        file = Files(self._world).upload(channel_id, _upload(entry))
        return [{"data_uri": f"datalake://{channel_id}/{file.file_id}", "data_type": file.content_type}]


def parse_file(path: Path) -> Any:
    """Return what a JSON or YAML file holds.

    Raises:
        SeedError: when it holds neither.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = f"{path} is neither JSON nor YAML: {error}"
        raise SeedError(message) from error
    if path.suffix in _YAML:
        try:
            import yaml  # noqa: PLC0415 - an extra
        except ImportError as error:
            message = f"{path} is YAML; install abeja-emulator[yaml] to read it"
            raise SeedError(message) from error
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            message = f"{path} is not YAML: {error}"
            raise SeedError(message) from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        message = f"{path} is not JSON: {error}"
        raise SeedError(message) from error


def _read(source: Source) -> tuple[list[_Entry], dict[str, Any]]:
    """Return the items of a source, and what else it says of the dataset."""
    if isinstance(source, (str, Path)):
        path = Path(source)
        if path.is_dir():
            return _read_folder(path), {"name": path.resolve().name}
        if path.is_file():
            data = parse_file(path)
            given = data if isinstance(data, dict) else {"items": data}
            try:
                return _read_items(given, path.parent), {"name": path.stem, **given}
            except SeedError as error:
                message = f"{path}: {error}"
                raise SeedError(message) from error
        message = f"there is no folder and no file {str(path)!r} (working directory: {Path.cwd()})"
        raise SeedError(message)
    given = dict(source) if isinstance(source, Mapping) else {"items": source}
    return _read_items(given, Path.cwd()), given


def _read_folder(folder: Path) -> list[_Entry]:
    entries = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in inside.parts):
            label = inside.parts[0] if len(inside.parts) > 1 else None
            entries.append(_entry({"file": path, "label": label}, folder))
    if not entries:
        message = f"folder {folder} holds no files; put them in one sub-folder for each label"
        raise SeedError(message)
    return entries


def _read_items(given: Mapping[str, Any], folder: Path) -> list[_Entry]:
    unknown = sorted(str(key) for key in set(given) - set(_DATASET_KEYS))
    if unknown:
        message = f"unknown keys {', '.join(map(repr, unknown))}; a dataset has {', '.join(_DATASET_KEYS)}"
        raise SeedError(message)
    items = given.get("items")
    if not isinstance(items, (list, tuple)):
        message = f"a dataset needs a list of items, not {type(items).__name__}"
        raise SeedError(message)
    entries = []
    for number, item in enumerate(items):
        try:
            if isinstance(item, Mapping):
                entries.append(_entry(item, folder))
            else:
                entries.append(_entry(_as_mapping(item), folder))
        except (TypeError, ValueError, OSError) as error:  # noqa: PERF203 - says which item it was
            message = f"item {number} cannot be read: {error}"
            raise SeedError(message) from error
    return entries


def _as_mapping(item: Any) -> dict[str, Any]:
    """Return a pair of content and label as a mapping."""
    # Text of two letters could be taken apart, too.
    if not isinstance(item, (list, tuple)) or len(item) != 2:  # noqa: PLR2004 - a pair
        message = f"an item is a pair (content, label) or a mapping, not {item!r:.80}"
        raise SeedError(message)
    content, label = item
    return {"file" if isinstance(content, Path) else "content": content, "label": label}


def _entry(item: Mapping[str, Any], folder: Path) -> _Entry:
    unknown = sorted(str(key) for key in set(item) - set(_ENTRY_KEYS))
    if unknown:
        message = f"unknown keys {', '.join(map(repr, unknown))}; an item has {', '.join(_ENTRY_KEYS)}"
        raise SeedError(message)
    if sum(key in item for key in ("file", "content", "source_data")) != 1:
        message = "an item has exactly one of file, content and source_data"
        raise SeedError(message)
    content, guessed, file_name = None, None, None
    if "file" in item:
        path = folder / item["file"]
        content, guessed, file_name = path.read_bytes(), mimetypes.guess_type(path.name)[0], path.name
    elif "content" in item:
        content, guessed = _as_bytes(item["content"])
    label = item.get("label")
    metadata = item.get("metadata") or {}
    if not isinstance(metadata, Mapping):
        message = f"metadata is a mapping of names to values, not {metadata!r:.80}"
        raise SeedError(message)
    return _Entry(
        content=content,
        content_type=item.get("content_type") or guessed,
        file_name=file_name,
        source_data=item.get("source_data") or [],
        label=None if label is None else str(label),
        attributes=item.get("attributes"),
        metadata=metadata,
    )


def _as_bytes(content: Any) -> tuple[bytes, str]:
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content), UNKNOWN_TYPE
    if isinstance(content, str):
        return content.encode(), "text/plain"
    return json.dumps(content).encode(), "application/json"


def _upload(entry: _Entry) -> Upload:
    content = entry.content or b""
    given = {"filename": entry.file_name, **entry.metadata} if entry.file_name else entry.metadata
    metadata = {METADATA_PREFIX + quote(str(key)): quote(str(value)) for key, value in given.items()}
    return Upload(content, len(content), entry.content_type, metadata)


def _attributes(entry: _Entry, ids: Mapping[str, tuple[Any, Any]]) -> Any:
    if entry.attributes is not None or entry.label is None:
        return entry.attributes if entry.attributes is not None else {}
    category_id, label_id = ids[entry.label]
    return {"classification": [{"category_id": category_id, "label_id": label_id, "label": entry.label}]}


def _label_ids(props: Any, labels: list[str]) -> dict[str, tuple[Any, Any]]:
    """Return label → (category id, label id) for the labels of items.

    Raises:
        SeedError: when the categories of `props` name labels, but not that one.
    """
    known = {str(name): (category_id, label_id) for category_id, label_id, name in _named_labels(props)}
    if not known:  # props may be anything, and say nothing of labels
        return {label: (1, number) for number, label in enumerate(labels)}
    missing = [label for label in labels if label not in known]
    if missing:
        message = f"an item has the label {missing[0]!r}, but the labels in props are {', '.join(map(repr, known))}"
        raise SeedError(message)
    return known


def _named_labels(props: Any) -> Iterator[tuple[Any, Any, Any]]:
    categories = props.get("categories") if isinstance(props, Mapping) else None
    for category in categories if isinstance(categories, list) else []:
        labels = category.get("labels") if isinstance(category, Mapping) else None
        for label in labels if isinstance(labels, list) else []:
            if isinstance(label, Mapping) and "label" in label and "label_id" in label:
                yield category.get("category_id", 1), label["label_id"], label["label"]


def _free_name(name: str, taken: set[str]) -> str:
    return next(free for free in _numbered(name) if free not in taken)


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1
