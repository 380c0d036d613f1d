"""The SDK's client of the registry, and a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from abeja.registry import APIClient

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


@pytest.fixture
def api(platform: Platform) -> APIClient:
    """The SDK's client of the registry."""
    return APIClient()


@pytest.fixture
def repository(api: APIClient, organization: str) -> dict[str, Any]:
    """A repository named `my-image`, as it was answered."""
    made: dict[str, Any] = api.create_repository(organization, "my-image", "an image")
    return made
