"""Shared by the tests of state: an empty store and a Platform, with the disk they use in sight."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.ids import Ids
from abeja_emulator.platform import Platform
from abeja_emulator.store.store import Store
from tests.platform_calls import LARGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary files are made, empty, with small bodies already large."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("abeja_emulator.store.blobs.SPILL", LARGE)
    return tmp_path


@pytest.fixture
def store(disk: Path) -> Iterator[Store]:
    """An empty store."""
    del disk
    store = Store(Ids())
    yield store
    store.close()


@pytest.fixture
def platform(disk: Path) -> Iterator[Platform]:
    """A Platform that no client reaches but by `Platform.handle`."""
    del disk
    with Platform() as platform:
        yield platform
