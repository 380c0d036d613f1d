"""The SDK's clients of secrets and of their versions, and a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from abeja.secret.api.client import APIClient
from abeja.secret_version.api.client import APIClient as VersionAPI

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


@pytest.fixture
def api(platform: Platform) -> APIClient:
    """The SDK's client of secrets."""
    return APIClient()


@pytest.fixture
def versions(platform: Platform) -> VersionAPI:
    """The SDK's client of their versions."""
    return VersionAPI()


@pytest.fixture
def secret(api: APIClient, organization: str) -> dict[str, Any]:
    """A secret with one version, as its creation was answered."""
    answer: dict[str, Any] = api.create_secret(organization, "API_KEY", "first value", "of the weather service")
    return answer
