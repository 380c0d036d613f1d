"""The SDK's clients of OpsBeeLLM, a deployment of each type, and its histories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from abeja.opsbeellm.dataset import APIClient as DatasetAPI
from abeja.opsbeellm.deployment import APIClient as DeploymentAPI
from abeja.opsbeellm.history import APIClient as HistoryAPI

from tests.services.opsbeellm.histories import Histories

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


@pytest.fixture
def dataset_api(platform: Platform) -> DatasetAPI:
    """The SDK's client of datasets."""
    return DatasetAPI()


@pytest.fixture
def deployment_api(platform: Platform) -> DeploymentAPI:
    """The SDK's client of deployments."""
    return DeploymentAPI()


@pytest.fixture
def history_api(platform: Platform) -> HistoryAPI:
    """The SDK's client of threads, histories, metadata and tags."""
    return HistoryAPI()


@pytest.fixture
def dataset(dataset_api: DatasetAPI, organization: str) -> str:
    """Id of a dataset without items."""
    made: str = dataset_api.create_dataset(organization, "questions", "qa")["id"]
    return made


@pytest.fixture
def qa(platform: Platform) -> Histories:
    """The histories of a `qa` deployment."""
    return Histories(platform.organization.id, "qa")


@pytest.fixture
def chat(platform: Platform) -> Histories:
    """The histories of a `chat` deployment with one thread."""
    return Histories(platform.organization.id, "chat")


@pytest.fixture(params=["qa", "chat"])
def histories(platform: Platform, request: pytest.FixtureRequest) -> Histories:
    """The histories of a deployment, of the one type and of the other."""
    return Histories(platform.organization.id, request.param)
