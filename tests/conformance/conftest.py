"""A strict server, and the environments of real clients, which `make clients` makes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Callable

import pytest

from abeja_emulator.platform import Platform
from abeja_emulator.server import Server
from tests.conformance.client import Abeja
from tests.conformance.scenarios.kit import methods
from tests.programs import load_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import CodeType, ModuleType

#: With this variable an environment that is not there is a failure; without it the test is skipped.
REQUIRED = "ABEJA_TEST_CLIENTS"


@pytest.fixture(scope="session")
def make_clients() -> ModuleType:
    """The program that makes the environments."""
    return load_program("make_clients")


@pytest.fixture(scope="session")
def known() -> dict[CodeType, str]:
    """The methods of the SDK."""
    return methods()


class Called:
    """Which methods of the SDK each check called that has passed in this run, in whichever process of it.

    Args:
        folder: where that is noted, a file for each check.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def note(self, check: str, methods: set[str]) -> None:
        """Note that a check has passed."""
        written = self._folder / f"{os.getpid()}.new"
        written.write_text(json.dumps(sorted(methods)), encoding="utf-8")
        written.replace(self._folder / check)

    def methods(self, check: str) -> set[str] | None:
        """Return the methods that a check called, or None when it has not passed yet."""
        noted = self._folder / check
        return set(json.loads(noted.read_text(encoding="utf-8"))) if noted.exists() else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what is about all checks together come when they have run, so that it need not run them again."""
    items.sort(key=lambda item: item.name == "test_every_method_is_called")


@pytest.fixture(scope="session")
def called(tmp_path_factory: pytest.TempPathFactory) -> Called:
    """What the checks called so far."""
    base = tmp_path_factory.getbasetemp()
    return Called((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "called")


@pytest.fixture
def client_python(make_clients: ModuleType) -> Callable[[str], Path]:
    """Return the interpreter of an environment; where it is not there, skip, or fail if it has to be."""

    def find(name: str) -> Path:
        if not make_clients.is_made(name):
            message = f"the environment {name!r} is not there; `make clients` makes it"
            if os.environ.get(REQUIRED) == "1":
                pytest.fail(f"{message}, and {REQUIRED}=1 says that it has to be", pytrace=False)
            pytest.skip(message)
        found: Path = make_clients.python_of(name)
        return found

    return find


@pytest.fixture
def server() -> Iterator[Server]:
    """A strict platform that listens and runs jobs."""
    with Platform(auth="strict") as platform, Server(platform) as server:
        yield server


@pytest.fixture
def abeja(server: Server, client_python: Callable[[str], Path], tmp_path: Path) -> Abeja:
    """The command line client, as the default user of the server."""
    program = client_python("cli").with_name("abeja")
    for name in ("work", "home"):
        (tmp_path / name).mkdir()
    journal = server.platform.journal
    return Abeja(program, tmp_path / "work", tmp_path / "home", server.variables(), journal)
