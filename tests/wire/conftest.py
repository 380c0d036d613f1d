"""A place for bodies, with small ones already large, on a disk of its own."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.ids import Ids
from abeja_emulator.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What is large here; the real number would make the tests slow.
LARGE = 64


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary files are made, empty, with small bodies already large."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("abeja_emulator.store.blobs.SPILL", LARGE)
    return tmp_path


@pytest.fixture
def store(disk: Path) -> Iterator[Store]:
    """An empty store, for its spools."""
    store = Store(Ids())
    yield store
    store.close()


def files(disk: Path) -> list[Path]:
    """Return every file on the disk."""
    return [path for path in disk.rglob("*") if path.is_file()]
