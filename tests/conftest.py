"""Shared by all tests: what they leave behind is found; by those of state: an empty store and a Platform."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.ids import Ids
from abeja_emulator.platform import Platform
from abeja_emulator.store.store import Store
from tests.litter import Litter
from tests.platform_calls import LARGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def pytest_configure(config: pytest.Config) -> None:
    """Find what tests leave behind."""
    config.pluginmanager.register(Litter(config))


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
