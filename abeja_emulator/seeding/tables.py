"""Items of a table: comma-separated values whose first line names the columns."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from abeja_emulator.seeding.entries import Entry, type_of
from abeja_emulator.seeding.errors import SeedError
from abeja_emulator.seeding.items import Items, opened
from abeja_emulator.services.datalake.files import UNKNOWN_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    #: Content, media type, file name, source data and path of an item.
    _What = tuple[bytes | None, str | None, str | None, list[dict[str, Any]], Path | None]

#: Columns with what an item is → the column with its media type.
_WHAT = {"file": "content_type", "content": "content_type", "data_uri": "data_type", "data_uris": "data_type"}

#: Columns that are attributes of no item: an item of JSON has something else under that name.
_ELSEWHERE = frozenset(("attributes", "classification", "content_type", "data_type", "metadata", "source_data"))

#: Metadata of the file of a row.
_NONE: Mapping[str, str] = {}

#: More digits has no id.
_DIGITS = 18


class TableItems(Items):
    """Items of a table, in UTF-8, comma-separated, quoted as Excel does it; empty lines do not count.

    The first line names the columns. Exactly one of these says what an item is:

    - `file`: path of a file to upload, relative to the table;
    - `content`: text to upload;
    - `data_uri`: where the data is: `datalake://<channel>/<file>`, `http://…` or `https://…`; nothing is uploaded;
    - `data_uris`: several of them, with spaces between.

    And these may be there, too:

    - `content_type`, beside `file` or `content`: its media type; by default what the name of the file tells, or
      `text/plain`;
    - `data_type`, beside `data_uri` or `data_uris`: the same; by default what the end of each URI tells, or
      `application/octet-stream`;
    - `label`: the label; an item whose cell is empty has none;
    - `label_id`: id of the label, a number. Beside `label`, an item has both or neither. Without, the label is the one
      that the properties of the dataset name for the id, or else the id as text.

    Every other column is an attribute of that name, beside the `classification` that a label becomes. Its values are
    text as it stands there; an empty cell is no attribute.

    Args:
        path: the table.
    """

    def __init__(self, path: Path) -> None:
        super().__init__({"name": path.stem})
        self._path = path
        self._line = 1
        self._make: Callable[[list[str]], Entry]

    @property
    def place(self) -> str:
        """File and line, from 1 on, where the row begins."""
        return f"{self._path}: line {self._line}"

    def _rows(self) -> Iterator[list[str]]:
        # A byte that is no UTF-8 is found where it is: it cannot be encoded again.
        with opened(self._path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, strict=True)
            try:
                self._make = _maker(self._path, next(reader, []))
                line = reader.line_num
                for row in reader:
                    self._line = line + 1
                    if row:
                        yield row
                    line = reader.line_num
            except csv.Error as error:
                # Before Python 3.11 a NUL character, which UTF-16 is full of, is such an error.
                message = f"{self._path}: line {reader.line_num} is not of a comma-separated table in UTF-8: {error}"
                raise SeedError(message) from error
            except _HeaderError as error:
                message = f"{self._path}: line 1 {error}"
                raise SeedError(message) from error

    def _read(self, row: list[str]) -> Entry:
        return self._make(row)


class _HeaderError(ValueError):
    """The first line names no columns of items."""


def _maker(path: Path, names: list[str]) -> Callable[[list[str]], Entry]:
    """Return what makes an item of a row.

    Raises:
        _HeaderError: when the columns cannot be those of items.
    """
    what = _checked(names)
    columns = {name: number for number, name in enumerate(names)}
    width, at = len(names), columns[what]
    type_at, label_at, id_at = (columns.get(name) for name in (_WHAT[what], "label", "label_id"))
    others = [(name, number) for name, number in columns.items() if number not in {at, type_at, label_at, id_at}]
    make, folder = _MAKERS[what], path.parent

    def read(row: list[str]) -> Entry:
        if len(row) != width:
            message = f"it has {len(row)} values, and the columns are {width}: {', '.join(names)}"
            raise ValueError(message)
        label = None if label_at is None else row[label_at] or None
        label_id = None if id_at is None else _number(row[id_at])
        if label_at is not None and id_at is not None and (label is None) != (label_id is None):
            message = f"it has the label {label or ''!r} and the label_id {row[id_at]!r}; fill in both or neither"
            raise ValueError(message)
        beside = {name: row[number] for name, number in others if row[number]} if others else None
        kind = None if type_at is None else row[type_at] or None
        content, content_type, file_name, source_data, file = make(row[at], kind, folder)
        return Entry(content, content_type, file_name, source_data, label, None, _NONE, file, label_id, beside)

    return read


def _checked(names: list[str]) -> str:
    """Return the name of the column with what an item is."""
    shown = ", ".join(map(repr, names)) or "(nothing)"
    found = [name for name in names if name in _WHAT]
    if len(found) != 1:
        message = (
            f"names the columns {shown}; it is to name the columns of a comma-separated table in UTF-8, exactly one of "
            f"them {', '.join(_WHAT)}"
        )
        raise _HeaderError(message)
    twice = [name for number, name in enumerate(names) if not name or name in names[:number]]
    if twice:
        message = f"names the columns {shown}; {f'two are called {twice[0]!r}' if twice[0] else 'one has no name'}"
        raise _HeaderError(message)
    elsewhere = [name for name in names if name in _ELSEWHERE - {_WHAT[found[0]]}]
    if elsewhere:
        message = (
            f"names a column {elsewhere[0]!r}, which means nothing beside {found[0]!r}; leave it out, give it another "
            "name, or write JSON lines instead"
        )
        raise _HeaderError(message)
    return found[0]


def _number(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        message = f"label_id is a number, not {text!r}"
        raise ValueError(message)
    return int(text)


def _of_file(value: str, kind: str | None, folder: Path) -> _What:
    if not value:
        message = "it names no file"
        raise ValueError(message)
    path = folder / value
    return None, kind or type_of(path.name), path.name, [], path


def _of_content(value: str, kind: str | None, _: Path) -> _What:
    return value.encode(), kind or "text/plain", None, [], None


def _of_uri(value: str, kind: str | None, _: Path) -> _What:
    return None, None, None, [{"data_uri": value, "data_type": kind or _type_of_uri(value)}], None


def _of_uris(value: str, kind: str | None, _: Path) -> _What:
    source_data = [{"data_uri": uri, "data_type": kind or _type_of_uri(uri)} for uri in value.split()]
    if not source_data:
        message = "it names no data_uri"
        raise ValueError(message)
    return None, None, None, source_data, None


_MAKERS = {"file": _of_file, "content": _of_content, "data_uri": _of_uri, "data_uris": _of_uris}


def _type_of_uri(uri: str) -> str:
    # Files of the datalake have no endings.
    return (None if uri.startswith("datalake:") else type_of(uri)) or UNKNOWN_TYPE
