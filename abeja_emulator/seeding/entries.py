"""One item to come, whatever it is read from."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from abeja_emulator.services.datalake.files import UNKNOWN_TYPE
from abeja_emulator.wire.content import Upload
from abeja_emulator.wire.validation import METADATA_PREFIX

#: Keys of one entry of a list of items.
KEYS = frozenset(("attributes", "content", "content_type", "file", "label", "metadata", "source_data"))


class Entry(NamedTuple):
    """One item to come: something to upload, or source data as it is.

    Attributes:
        content: what is to be uploaded, when it is at hand.
        content_type: its media type, or None: not known.
        file_name: name of the file that it comes from.
        source_data: of an item that needs no upload.
        label: its label, or None.
        attributes: the attributes as they are to be; None: they come from the label.
        metadata: of the file to upload, beside its name.
        path: the file to upload; it is read when its turn comes.
        label_id: id of its label, where the source says one.
        beside: attributes beside the label.
    """

    content: bytes | None
    content_type: str | None
    file_name: str | None
    source_data: list[dict[str, Any]]
    label: str | None
    attributes: Any
    metadata: Mapping[str, str]
    path: Path | None = None
    label_id: int | None = None
    beside: Mapping[str, str] | None = None

    @property
    def uploads(self) -> bool:
        """Whether there is something to upload."""
        return self.content is not None or self.path is not None


def entry_of(item: Any, folder: Path) -> Entry:
    """Return one element of a list of items; paths are relative to the folder.

    Raises:
        OSError, TypeError, ValueError: when it cannot be read.
    """
    if not _is_mapping(item):
        item = as_mapping(item)
    if not item.keys() <= KEYS:
        unknown = sorted(str(key) for key in item.keys() - KEYS)
        message = f"unknown keys {', '.join(map(repr, unknown))}; an item has {', '.join(sorted(KEYS))}"
        raise ValueError(message)
    if ("file" in item) + ("content" in item) + ("source_data" in item) != 1:
        message = "an item has exactly one of file, content and source_data"
        raise ValueError(message)
    label, given_type = item.get("label"), item.get("content_type")
    if given_type is not None and not isinstance(given_type, str):
        message = f"content_type is text, not {given_type!r:.80}"
        raise TypeError(message)
    metadata = item.get("metadata") or {}
    if not _is_mapping(metadata):
        message = f"metadata is a mapping of names to values, not {metadata!r:.80}"
        raise TypeError(message)
    content, content_type, file_name, path = None, None, None, None
    source_data: list[dict[str, Any]] = []
    if "file" in item:
        path = folder / item["file"]
        file_name, content_type = path.name, type_of(path.name)
    elif "content" in item:
        content, content_type = _as_bytes(item["content"])
    else:
        source_data = _as_source_data(item["source_data"])
    return Entry(
        content,
        given_type or content_type,
        file_name,
        source_data,
        None if label is None else str(label),
        item.get("attributes"),
        metadata,
        path,
    )


def as_mapping(item: Any) -> dict[str, Any]:
    """Return a pair of content and label as a mapping.

    Raises:
        ValueError: when it is none.
    """
    # Text of two letters could be taken apart, too.
    if not isinstance(item, (list, tuple)) or len(item) != 2:  # noqa: PLR2004 - a pair
        message = f"an item is a pair (content, label) or a mapping, not {item!r:.80}"
        raise ValueError(message)
    content, label = item
    return {"file" if isinstance(content, Path) else "content": content, "label": label}


def upload_of(entry: Entry) -> Upload:
    """Return what is to be uploaded, and read it if it is in a file.

    Raises:
        OSError: when the file cannot be read.
    """
    content = entry.content or b"" if entry.path is None else entry.path.read_bytes()
    given = {"filename": entry.file_name, **entry.metadata} if entry.file_name else entry.metadata
    metadata = {METADATA_PREFIX + quote(str(key)): quote(str(value)) for key, value in given.items()}
    return Upload(content, len(content), entry.content_type, metadata)


def type_of(name: str) -> str | None:
    """Return the media type that the name of a file or a URI tells, or None."""
    return mimetypes.guess_type(name)[0]


def _as_bytes(content: Any) -> tuple[bytes, str]:
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content), UNKNOWN_TYPE
    if isinstance(content, str):
        return content.encode(), "text/plain"
    return json.dumps(content).encode(), "application/json"


def _as_source_data(given: Any) -> list[dict[str, Any]]:
    given = [] if given is None else given
    if not isinstance(given, (list, tuple)):
        message = f"source_data is a list of mappings with data_uri and data_type, not {given!r:.80}"
        raise TypeError(message)
    for one in given:
        if not _is_mapping(one):
            message = f"source_data is a list of mappings with data_uri and data_type, and in it is {one!r:.80}"
            raise TypeError(message)
    return given if isinstance(given, list) else list(given)


def _is_mapping(given: Any) -> bool:
    # The type first: to ask an abstract class takes longer than all the rest of an item.
    return type(given) is dict or isinstance(given, Mapping)
