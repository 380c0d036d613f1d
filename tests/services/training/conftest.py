"""A job definition with a version and a job, made by the real SDK."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from abeja.training.api.client import APIClient

from tests.services.training.samples import HANDLER, IMAGE, zipped

if TYPE_CHECKING:
    from abeja.training.client import Client
    from abeja.training.job import Job
    from abeja.training.job_definition import JobDefinition
    from abeja.training.job_definition_version import JobDefinitionVersion

    from abeja_emulator.platform import Platform


@pytest.fixture
def api(platform: Platform) -> APIClient:
    """The SDK's low-level client of training."""
    return APIClient()


@pytest.fixture
def definition(training: Client) -> JobDefinition:
    """A job definition named `definition`."""
    return training.job_definitions().create("definition")


@pytest.fixture
def version(definition: JobDefinition) -> JobDefinitionVersion:
    """Its version 1, with a variable and a dataset."""
    made: JobDefinitionVersion = definition.job_definition_versions().create(
        io.BytesIO(zipped()), HANDLER, IMAGE, environment={"EPOCHS": 3}, description="first"
    )
    return made


@pytest.fixture
def job(definition: JobDefinition, version: JobDefinitionVersion) -> Job:
    """A Pending job of that version."""
    return definition.jobs().create(version.job_definition_version_id, "cpu-1")


@pytest.fixture
def job_path(definition: JobDefinition, job: Job) -> str:
    """Path of that job, for `wire`."""
    return f"/organizations/{{org}}/training/definitions/{definition.name}/jobs/{job.job_id}"
