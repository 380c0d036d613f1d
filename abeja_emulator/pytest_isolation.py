"""Isolation of a run with `--abeja-emulate`: every test gets the state its module, class and session left it.

Each fixture is the first of its scope and comes after all fixtures of wider scopes, so what those
put on the platform stays, and what is done within the scope is taken back at its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abeja_emulator.pytest_plugin import marked, session_emulation

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def _abeja_module(request: pytest.FixtureRequest) -> Iterator[None]:
    snapshot = session_emulation(request.config).platform.snapshot()
    yield
    snapshot.rollback()


@pytest.fixture(scope="class", autouse=True)
def _abeja_class(request: pytest.FixtureRequest) -> Iterator[None]:
    snapshot = session_emulation(request.config).platform.snapshot()
    yield
    snapshot.rollback()


@pytest.fixture(autouse=True)
def _abeja_function(request: pytest.FixtureRequest) -> Iterator[None]:
    platform = session_emulation(request.config).platform
    auth, platform.auth = platform.auth, marked(request.node).get("auth") or platform.auth
    snapshot = platform.snapshot()
    platform.journal.begin()
    yield
    snapshot.rollback()
    platform.auth = auth
