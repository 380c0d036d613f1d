"""A job definition with a job that has a result, made by the real SDK."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from abeja.training.api.client import APIClient

from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.wire.content import Upload
from tests.services.training.samples import HANDLER, IMAGE, zipped

if TYPE_CHECKING:
    from abeja.training.client import Client
    from abeja.training.job import Job
    from abeja.training.job_definition import JobDefinition
    from abeja.training.model import Model

    from abeja_emulator.platform import Platform

#: What a job has saved, and what was uploaded.
RESULT = zipped({"model.h5": b"trained", "logs/events": b"\n"})
UPLOAD = zipped({"model.h5": bytes(range(256))})


@pytest.fixture
def api(platform: Platform) -> APIClient:
    """The SDK's low-level client of training."""
    return APIClient()


@pytest.fixture
def definition(training: Client) -> JobDefinition:
    """A job definition named `definition`."""
    return training.job_definitions().create("definition")


@pytest.fixture
def pending(definition: JobDefinition) -> Job:
    """A Pending job of it, with a variable and without a result."""
    version = definition.job_definition_versions().create(io.BytesIO(zipped()), HANDLER, IMAGE)
    return definition.jobs().create(version.job_definition_version_id, "cpu-1", environment={"EPOCHS": "3"})


@pytest.fixture
def job(platform: Platform, pending: Job) -> Job:
    """The same job, Complete and with the result `RESULT`."""
    jobs = Jobs(platform.world)
    with platform.world.store.transaction():
        kept = jobs.keep_result(jobs.find(pending.job_id), Upload(RESULT, len(RESULT)))
        jobs.move(jobs.move(kept, "Active"), "Complete")
    return pending


@pytest.fixture
def model(definition: JobDefinition) -> Model:
    """A model of `UPLOAD`."""
    made: Model = definition.models().create(
        io.BytesIO(UPLOAD), environment={"BATCH": 32}, metrics={"loss": 0.5}, description="first"
    )
    return made
