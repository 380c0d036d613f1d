"""What may be seeded: a folder, a file, or whatever gives items."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Union

from abeja_emulator.seeding.errors import SeedError
from abeja_emulator.seeding.items import FolderItems, Items, LineItems, ListedItems, opened
from abeja_emulator.seeding.tables import TableItems

Source = Union[str, Path, "Iterable[Any]", "Mapping[str, Any]"]

#: Keys of a dataset that is described as a whole.
_DATASET_KEYS = ("items", "name", "props", "type")

#: Files that are read line by line, so that they may be of any size.
_STREAMED: dict[str, type[LineItems | TableItems]]
_STREAMED = {".csv": TableItems, ".jsonl": LineItems}

_YAML = (".yaml", ".yml")

#: Gives one thing after the other, but no items.
_TEXT = (str, bytes, bytearray, memoryview, Mapping)


def samples_folder() -> Path:
    """Return the folder of the sample data, which travels with the package; in a checkout it is `fixtures/`."""
    inside = Path(__file__).parents[1] / "samples"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "fixtures"


def read_source(source: Source) -> Items:
    """Return the items of a source, to be read one after the other; `Seed.dataset` says what a source is.

    What this returns is a source, too, so that a large file need not be parsed twice.

    Raises:
        SeedError: when there is none, or it is none.
    """
    if isinstance(source, Items):
        return source
    if not isinstance(source, (str, Path)):
        return _listed(dict(source) if isinstance(source, Mapping) else {"items": source}, Path.cwd())
    path = Path(source)
    if path.is_dir():
        return FolderItems(path)
    if not path.is_file():
        message = f"there is no folder and no file {str(path)!r} (working directory: {Path.cwd()})"
        raise SeedError(message)
    streamed = _STREAMED.get(path.suffix.lower())
    if streamed is not None:
        return streamed(path)
    data = parse_file(path)
    given = {"name": path.stem, **data} if isinstance(data, dict) else {"name": path.stem, "items": data}
    try:
        return _listed(given, path.parent, path)
    except SeedError as error:
        message = f"{path}: {error}"
        raise SeedError(message) from error


def parse_file(path: Path) -> Any:
    """Return what a JSON or YAML file holds.

    Raises:
        SeedError: when it holds neither.
    """
    try:
        with opened(path, encoding="utf-8") as file:
            text = file.read()
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


def _listed(given: Mapping[Any, Any], folder: Path, file: Path | None = None) -> ListedItems:
    unknown = sorted(str(key) for key in set(given) - set(_DATASET_KEYS))
    if unknown:
        message = f"unknown keys {', '.join(map(repr, unknown))}; a dataset has {', '.join(_DATASET_KEYS)}"
        raise SeedError(message)
    items = given.get("items")
    if not isinstance(items, Iterable) or isinstance(items, _TEXT):
        message = f"a dataset needs a list of items, not {type(items).__name__}"
        raise SeedError(message)
    for key in ("name", "type"):
        if not isinstance(given.get(key), (str, type(None))):
            message = f"the {key} of a dataset is text, not {given[key]!r:.80}; put it in quotes"
            raise SeedError(message)
    return ListedItems(items, {key: value for key, value in given.items() if key != "items"}, folder, file)
