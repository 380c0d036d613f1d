"""The pages of the catalogue, run once for all tests."""

from __future__ import annotations

import os

import pytest

from tests.catalogue.harness import Harness


@pytest.fixture(scope="session")
def harness(tmp_path_factory: pytest.TempPathFactory, bare_options: str) -> Harness:
    """Runs the pages; the workers of pytest-xdist share what it has run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return Harness(shared / "catalogue", bare_options)
