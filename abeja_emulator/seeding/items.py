"""The items of a source, read one after the other."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from abeja_emulator.seeding.entries import Entry, entry_of, type_of
from abeja_emulator.seeding.errors import WRONG, SeedError, said_by

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

#: What Excel and other editors put in front of UTF-8.
_MARK = b"\xef\xbb\xbf"


class Items(ABC):
    """The items of a source. Iterating reads them from the first on, again each time if the source has them still.

    Of a source of any size one item is in memory at a time, and no file before it is uploaded.

    Attributes:
        given: what the source says of the dataset: some of `name`, `type` and `props`.
        count: how many there are, where that is known before they are read.
    """

    def __init__(self, given: Mapping[str, Any], count: int | None = None) -> None:
        self.given = given
        self.count = count

    def __iter__(self) -> Generator[Entry, None, None]:
        """Yield the items.

        Raises:
            SeedError: when one cannot be read; it says where that one is, and what is wrong with it.
        """
        for row in self._rows():
            try:
                entry = self._read(row)
            except WRONG as error:
                raise self.wrong(error) from error
            yield entry

    def wrong(self, error: BaseException) -> SeedError:
        """Return the error of the item that was read last."""
        return SeedError(f"{self.place} cannot be read: {said_by(error)}")

    @property
    @abstractmethod
    def place(self) -> str:
        """Where the item is that was read last."""

    @abstractmethod
    def _rows(self) -> Iterator[Any]:
        """Yield what items are made of."""

    @abstractmethod
    def _read(self, row: Any) -> Entry:
        """Make an item."""


class ListedItems(Items):
    """Items of a list, or of whatever else gives one after the other.

    Args:
        listed: what gives them.
        given: what the source says of the dataset.
        folder: that paths are relative to.
        file: the file that the list is from, if it is from one.
    """

    def __init__(self, listed: Iterable[Any], given: Mapping[str, Any], folder: Path, file: Path | None = None) -> None:
        super().__init__(given, len(listed) if isinstance(listed, (list, tuple)) else None)
        self._listed = listed
        self._folder = folder
        self._before = "" if file is None else f"{file}: "
        self._number = 0

    @property
    def place(self) -> str:
        """File, and number from 0 on."""
        return f"{self._before}item {self._number}"

    def _rows(self) -> Iterator[Any]:
        for number, item in enumerate(self._listed):
            self._number = number
            yield item

    def _read(self, row: Any) -> Entry:
        return entry_of(row, self._folder)


class LineItems(Items):
    """Items of a file of JSON lines: each line is an item, as in a list of items. Empty lines do not count.

    Args:
        path: the file, in UTF-8.
    """

    def __init__(self, path: Path) -> None:
        super().__init__({"name": path.stem})
        self._path = path
        self._folder = path.parent
        self._line = 0
        self._decode = msgspec.json.Decoder().decode

    @property
    def place(self) -> str:
        """File and line, from 1 on."""
        return f"{self._path}: line {self._line}"

    def _rows(self) -> Iterator[bytes]:
        self._line = 0
        with opened(self._path, "rb") as file:
            for line in file:
                self._line += 1
                text = line.removeprefix(_MARK) if self._line == 1 else line
                if not text.isspace() and text:
                    yield text

    def _read(self, row: bytes) -> Entry:
        try:
            item = self._decode(row)
        except msgspec.DecodeError:
            item = _decoded(row)
        return entry_of(item, self._folder)


class FolderItems(Items):
    """The files of a folder; its sub-folders are their labels, however deep below them a file is.

    Hidden files and those of Python are no items. They come in the order of their names.

    Args:
        folder: the folder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__({"name": folder.resolve().name})
        self._folder = folder
        self._path = folder
        self._label: str | None = None

    @property
    def place(self) -> str:
        """Path of the file."""
        return str(self._path)

    def _rows(self) -> Iterator[Path]:
        found = False
        for path, label in _files_below(str(self._folder), None):
            found = True
            self._path = Path(path)
            self._label = label
            yield self._path
        if not found:
            message = f"folder {self._folder} holds no files; put them in one sub-folder for each label"
            raise SeedError(message)

    def _read(self, row: Path) -> Entry:
        return Entry(None, type_of(row.name), row.name, [], self._label, None, {}, row)


def opened(path: Path, mode: str = "r", **options: Any) -> IO[Any]:
    """Open a file.

    Raises:
        SeedError: when it cannot be read.
    """
    try:
        return path.open(mode, **options)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise SeedError(message) from error


def _decoded(row: bytes) -> Any:
    """Return what a line holds that a strict reader of JSON refused, as from a file of JSON.

    Raises:
        ValueError: when it is not JSON.
    """
    try:
        return json.loads(row.decode().rstrip())
    except json.JSONDecodeError as error:
        message = f"it is not JSON: {error.msg} (column {error.colno})"
        raise ValueError(message) from error


def _files_below(folder: str, label: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield path and label of each file; links to folders are not followed."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        message = f"folder {folder} cannot be read: {error.strerror}"
        raise SeedError(message) from error
    for entry in entries:
        if entry.name.startswith((".", "__pycache__")):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(entry.path, entry.name if label is None else label)
        elif entry.is_file():
            yield entry.path, label
