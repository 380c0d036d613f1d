"""The SDK's client of allow lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from abeja.security.api.client import APIClient

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


@pytest.fixture
def api(platform: Platform) -> APIClient:
    """The SDK's client."""
    return APIClient()
