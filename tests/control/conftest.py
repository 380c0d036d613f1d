"""A platform on a loopback address behind its control API, with a real executor that holds its jobs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.control.checkpoint import Checkpoint
from abeja_emulator.control.control import Control
from abeja_emulator.control.saved import SavedStates
from abeja_emulator.platform import Platform
from abeja_emulator.runtime.executor import Executor
from abeja_emulator.transports.loopback import Loopback
from tests.control.steering import Steering

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def platform() -> Iterator[Platform]:
    """A fresh Platform with ids that repeat."""
    with Platform(seed=4) as platform:
        yield platform


@pytest.fixture
def executor(platform: Platform, tmp_path: Path) -> Iterator[Executor]:
    """What runs its jobs, each once it is let go; without anything of the shell's that leads elsewhere."""
    environment = {name: value for name, value in os.environ.items() if "ABEJA" not in name}
    executor = Executor(
        platform, tmp_path / "jobs", api_url=lambda: "http://127.0.0.1:9", environment=lambda: environment, mode="held"
    )
    with executor:
        yield executor


@pytest.fixture
def seed_folder(tmp_path: Path) -> Path:
    """A folder to seed from: the file `a.txt`, the dataset `flowers`, and a link that leads out."""
    folder = tmp_path / "seeds"
    (folder / "flowers" / "rose").mkdir(parents=True)
    (folder / "a.txt").write_text("a rose", encoding="utf-8")
    (folder / "flowers" / "rose" / "1.txt").write_text("a rose", encoding="utf-8")
    (tmp_path / "outside.txt").write_text("not for clients", encoding="utf-8")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    return folder


@pytest.fixture
def control(
    request: pytest.FixtureRequest, platform: Platform, executor: Executor, seed_folder: Path, tmp_path: Path
) -> Control:
    """The control API of that platform, with all there is; of services and runs, with what a test has `attended`."""
    attended = request.getfixturevalue("attended") if "attended" in request.fixturenames else {}
    return Control(
        platform,
        executor,
        reset=Checkpoint(platform),
        snapshots=SavedStates(platform, tmp_path / "saved"),
        hosts=["192.0.2.7"],
        seed_folder=seed_folder,
        **attended,
    )


@pytest.fixture
def steer(control: Control) -> Iterator[Steering]:
    """Calls of it over the loopback, by `requests`."""
    with Loopback(control) as loopback, Steering(loopback.url) as steering:
        yield steering


@pytest.fixture
def bare(platform: Platform) -> Iterator[Steering]:
    """The same of a server that runs no jobs, keeps no snapshots, cannot reset and reads no files."""
    with Loopback(Control(platform)) as loopback, Steering(loopback.url) as steering:
        yield steering
