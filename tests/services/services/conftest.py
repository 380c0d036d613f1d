"""A deployment with a version and a service of it, made by the real SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from abeja.deployments import APIClient as DeploymentsAPI
from abeja.services import APIClient

from tests.services.deployments.samples import HANDLER, IMAGE

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


@pytest.fixture
def api(platform: Platform) -> APIClient:
    """The SDK's client of services."""
    return APIClient()


@pytest.fixture
def deployment(platform: Platform, organization: str) -> str:
    """Id of a deployment with a default variable."""
    answer = DeploymentsAPI().create_deployment(organization, "reader", default_environment={"A": "1", "B": "1"})
    identifier: str = answer["deployment_id"]
    return identifier


@pytest.fixture
def version(organization: str, deployment: str) -> str:
    """Id of its version 0.0.1."""
    answer = DeploymentsAPI().create_deployment_version(organization, deployment, "0.0.1", HANDLER, IMAGE)
    identifier: str = answer["version_id"]
    return identifier


@pytest.fixture
def service(api: APIClient, organization: str, deployment: str, version: str) -> dict[str, Any]:
    """A service of that version, as it was answered."""
    made: dict[str, Any] = api.create_service(organization, deployment, version)
    return made


@pytest.fixture
def path(service: dict[str, Any]) -> str:
    """Path of that service, for `wire`."""
    return f"/organizations/{{org}}/deployments/{service['deployment_id']}/services/{service['service_id']}"
