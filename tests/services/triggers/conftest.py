"""A deployment with a version, a channel, and a trigger of both, made by the real SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from abeja.datalake.api.client import APIClient as DatalakeAPI
from abeja.deployments import APIClient as DeploymentsAPI
from abeja.triggers import APIClient

from tests.services.deployments.samples import HANDLER, IMAGE

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


@pytest.fixture
def api(platform: Platform) -> APIClient:
    """The SDK's client of triggers."""
    return APIClient()


@pytest.fixture
def deployment(platform: Platform, organization: str) -> str:
    """Id of a deployment."""
    identifier: str = DeploymentsAPI().create_deployment(organization, "reader")["deployment_id"]
    return identifier


@pytest.fixture
def version(organization: str, deployment: str) -> str:
    """Id of its version 0.0.1."""
    answer = DeploymentsAPI().create_deployment_version(organization, deployment, "0.0.1", HANDLER, IMAGE)
    identifier: str = answer["version_id"]
    return identifier


@pytest.fixture
def channel(platform: Platform, organization: str) -> str:
    """Id of a channel without files."""
    identifier: str = DatalakeAPI().create_channel(organization, "in", "", "datalake")["channel"]["channel_id"]
    return identifier


@pytest.fixture
def output(platform: Platform, organization: str) -> str:
    """Id of another one, for output."""
    identifier: str = DatalakeAPI().create_channel(organization, "out", "", "datalake")["channel"]["channel_id"]
    return identifier


@pytest.fixture
def trigger(api: APIClient, organization: str, deployment: str, version: str, channel: str) -> dict[str, Any]:
    """A trigger of that version for that channel, as it was answered."""
    made: dict[str, Any] = api.create_trigger(organization, deployment, version, "datalake", channel)
    return made


@pytest.fixture
def path(deployment: str) -> str:
    """Path of the triggers of that deployment, for `wire`."""
    return f"/organizations/{{org}}/deployments/{deployment}/triggers"
