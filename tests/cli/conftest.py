"""The command, a server, and a folder with handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import HANDLERS, Commands

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.commands import Server


@pytest.fixture
def command(tmp_path: Path) -> Commands:
    """Runs commands in an empty folder, for a user without any files."""
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    return Commands(work, home)


@pytest.fixture
def server(command: Commands) -> Iterator[Server]:
    """A server with a platform in memory; commands find it by its variables."""
    with command.serve() as server:
        command.environment.update(server.variables)
        yield server


@pytest.fixture
def handlers(command: Commands) -> Path:
    """The working directory, with the handlers of the tests in it."""
    (command.folder / "train.py").write_text(HANDLERS, encoding="utf-8")
    return command.folder
