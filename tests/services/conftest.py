"""A Platform, and the real abeja-sdk and requests talking to it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from abeja.datalake.client import Client as DatalakeClient
from abeja.datasets.client import Client as DatasetsClient
from abeja.training.api.client import APIClient as TrainingAPI
from abeja.training.client import Client as TrainingClient

from abeja_emulator.transports.in_process import InProcess
from tests.checked_platform import CheckedPlatform
from tests.services.training.samples import zipped
from tests.services.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abeja_emulator.platform import Platform


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Platform]:
    """A fresh Platform that every HTTP client of this process reaches, with its credentials in the environment."""
    cache = str(tmp_path / "sdk-cache")
    monkeypatch.setenv("ABEJA_STORAGE_DIR_PATH", cache)
    # The SDK reads that variable once, at import, into two names.
    monkeypatch.setattr("abeja.common.config.MOUNT_DIR", cache)
    monkeypatch.setattr("abeja.common.local_file.MOUNT_DIR", cache)
    for name in ("PLATFORM_AUTH_TOKEN", "ABEJA_PLATFORM_DATASOURCE_ID", "ABEJA_PLATFORM_DATASOURCE_SECRET"):
        monkeypatch.delenv(name, raising=False)
    with CheckedPlatform() as platform, InProcess(platform):
        for name, value in platform.credentials().items():
            monkeypatch.setenv(name, value)
        yield platform


@pytest.fixture
def organization(platform: Platform) -> str:
    """Id of the default organization."""
    return platform.organization.id


@pytest.fixture
def wire(platform: Platform) -> Wire:
    """Plain HTTP calls with the default user's credential, for what the SDK cannot say."""
    return Wire(platform)


@pytest.fixture
def datasets(platform: Platform) -> DatasetsClient:
    """The SDK's client of datasets."""
    return DatasetsClient(platform.organization.id)


@pytest.fixture
def datalake(platform: Platform) -> DatalakeClient:
    """The SDK's client of the datalake."""
    return DatalakeClient(platform.organization.id)


@pytest.fixture
def training(platform: Platform) -> TrainingClient:
    """The SDK's client of training."""
    return TrainingClient(platform.organization.id)


@pytest.fixture
def model(platform: Platform, organization: str) -> str:
    """Id of a training model."""
    training = TrainingAPI()
    training.create_training_job_definition(organization, "digits")
    made = training.create_training_model(organization, "digits", io.BytesIO(zipped()), {"description": "first"})
    identifier: str = made["training_model_id"]
    return identifier
