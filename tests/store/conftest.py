"""A store, a disk of its own, and a body too large for memory."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import msgspec
import pytest

from abeja_emulator.ids import Ids
from abeja_emulator.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abeja_emulator.store.table import Table

#: What is large here; the real number would make the tests slow.
LARGE = 64


class Thing(msgspec.Struct):
    """A record."""

    value: int


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary files are made, empty, with small bodies already large."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("abeja_emulator.store.blobs.SPILL", LARGE)
    return tmp_path


@pytest.fixture
def store(disk: Path) -> Iterator[Store]:
    """An empty store."""
    store = Store(Ids())
    yield store
    store.close()


@pytest.fixture
def things(store: Store) -> Table[Thing]:
    """Its records of one kind."""
    return store.table("thing", Thing)
