"""A deployment with a version, made by the real SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from abeja.deployments import APIClient

from tests.services.deployments.samples import HANDLER, IMAGE

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


@pytest.fixture
def api(platform: Platform) -> APIClient:
    """The SDK's client of deployments."""
    return APIClient()


@pytest.fixture
def deployment(api: APIClient, organization: str) -> str:
    """Id of a deployment named `reader`."""
    identifier: str = api.create_deployment(organization, "reader", "reads digits")["deployment_id"]
    return identifier


@pytest.fixture
def version(api: APIClient, organization: str, deployment: str) -> dict[str, Any]:
    """Its version 0.0.1, without code yet, as it was answered."""
    made: dict[str, Any] = api.create_deployment_version(organization, deployment, "0.0.1", HANDLER, IMAGE)
    return made
