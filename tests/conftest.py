"""Shared by all tests: what they leave behind is found; by those of state: an empty store and a Platform."""

from __future__ import annotations

import tempfile
from importlib import metadata
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


@pytest.fixture(scope="session")
def bare_options() -> str:
    """Options of a run of pytest that leave out the plugins of other packages.

    To import them takes four times as long as pytest and ours together, at every start.
    """
    entries = [entry for each in metadata.distributions() for entry in each.entry_points if entry.group == "pytest11"]
    names = {entry.name for entry in entries if not entry.value.startswith("abeja_emulator")}
    return " ".join(f"-p no:{name}" for name in sorted(names))


@pytest.fixture
def pytester(pytester: pytest.Pytester, bare_options: str, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Runs of pytest without plugins of other packages; `-p xdist` brings one back, `every_plugin` all of them."""
    monkeypatch.setenv("PYTEST_ADDOPTS", bare_options)
    return pytester


@pytest.fixture
def every_plugin(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the runs of `pytester` all plugins that are installed, as those of most users have them."""
    del pytester
    monkeypatch.delenv("PYTEST_ADDOPTS")


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
