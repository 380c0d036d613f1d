"""A channel to put files into, and the SDK's low-level client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from abeja.datalake.api.client import APIClient

if TYPE_CHECKING:
    from abeja.datalake.channel import Channel
    from abeja.datalake.client import Client

    from abeja_emulator.platform import Platform


@pytest.fixture
def api(platform: Platform) -> APIClient:
    """The SDK's low-level client."""
    return APIClient()


@pytest.fixture
def channel(datalake: Client) -> Channel:
    """A channel without files."""
    return datalake.channels.create("photos", "", "datalake")
