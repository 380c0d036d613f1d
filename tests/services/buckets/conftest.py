"""A bucket to put files into, and the SDK's low-level client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from abeja.datalake.api.client import APIClient

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


@pytest.fixture
def api(platform: Platform) -> APIClient:
    """The SDK's low-level client."""
    return APIClient()


@pytest.fixture
def bucket(api: APIClient, organization: str) -> str:
    """Id of a bucket without files."""
    return str(api.create_bucket(organization, "photos", "what cameras see")["bucket"]["bucket_id"])
