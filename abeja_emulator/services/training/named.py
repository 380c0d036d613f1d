"""The job definition and the job that the path of a call names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs

if TYPE_CHECKING:
    from abeja_emulator.services.training.records import JobDefinition, TrainingJob
    from abeja_emulator.wire.call import Call


def definition_of(call: Call[Any, Any]) -> JobDefinition:
    """Return the job definition that a path names, by its name or its id.

    Raises:
        NotFound: when the organization has none.
    """
    return Definitions(call.world).get(call.path["organization_id"], call.path["job_definition_name"])


def job_of(call: Call[Any, Any]) -> TrainingJob:
    """Return the job that a path names.

    Raises:
        NotFound: when there is no such definition, or it has no such job.
    """
    return Jobs(call.world).get(definition_of(call), call.path["training_job_id"])
