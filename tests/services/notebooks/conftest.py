"""A job definition with a notebook, made by the real SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from abeja.notebook.api.client import APIClient

if TYPE_CHECKING:
    from abeja.training.client import Client
    from abeja.training.job_definition import JobDefinition

    from abeja_emulator.platform import Platform


@pytest.fixture
def api(platform: Platform) -> APIClient:
    """The SDK's client of notebooks."""
    return APIClient()


@pytest.fixture
def definition(training: Client) -> JobDefinition:
    """A job definition named `definition`."""
    return training.job_definitions().create("definition")


@pytest.fixture
def notebook(api: APIClient, organization: str, definition: JobDefinition) -> dict[str, Any]:
    """Its first notebook."""
    made: dict[str, Any] = api.create_notebook(organization, definition.name)
    return made
