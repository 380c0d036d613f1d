"""The environment of model code: what the platform sets for a service or a run, and what its user sets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.variables import user_variables
from abeja_emulator.services.deployments.versions import RESULT_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from abeja_emulator.services.deployments.records import Deployment, DeploymentVersion
    from abeja_emulator.services.training.records import TrainingJob

#: Which job's result the runner unpacks, as its user may say (runner preprocess/preprocessor.go).
JOB_DEFINITION_NAME, JOB_DEFINITION_VERSION, JOB_ID = RESULT_VARIABLES


@dataclass(frozen=True)
class Role:
    """What model code runs as.

    Attributes:
        deployment: whose code it is.
        version: which code.
        token: its credential.
        service_id: of the service that it is, or None.
        run_id: of the run that it is, or None.
    """

    deployment: Deployment
    version: DeploymentVersion
    token: str
    service_id: str | None = None
    run_id: str | None = None


def platform_variables(role: Role, api_url: str, result: Path, storage: Path) -> dict[str, str]:
    """Return the variables that only the platform sets (behaviour.md, 2.4).

    There is no `PORT`: who answers HTTP is the proxy, and not in the process of the model. `ABEJA_MODEL_ID` is there
    where the deployment has a model, which those of later clients have not. Evidence: inferred for both.

    Args:
        role: what the code runs as.
        api_url: base URL of the API.
        result: where the models were unpacked.
        storage: root of the SDK's file cache.
    """
    deployment, version = role.deployment, role.version
    given = {
        "ABEJA_API_URL": api_url,
        "ABEJA_DEPLOYMENT_ID": deployment.deployment_id,
        "ABEJA_MODEL_ID": deployment.model_id,
        "ABEJA_MODEL_VERSION": version.version,
        "ABEJA_MODEL_VERSION_ID": version.version_id,
        "ABEJA_ORGANIZATION_ID": deployment.organization_id,
        "ABEJA_RUN_ID": role.run_id,
        "ABEJA_SERVICE_ID": role.service_id,
        "ABEJA_STORAGE_DIR_PATH": str(storage),
        "ABEJA_TRAINING_RESULT_DIR": str(result),
        "HANDLER": version.handler,
        "PLATFORM_AUTH_TOKEN": role.token,
        "PYTHONUNBUFFERED": "x",
    }
    return {name: value for name, value in given.items() if value is not None}


def job_of_model_variables(job: TrainingJob | None) -> dict[str, str]:
    """Return the variables that say which job has made the model, and of which datasets; a user may set others.

    `TRAINING_JOB_DATASETS` is JSON of alias → id, and the older `TRAINING_JOB_DATASET_IDS` ids with commas between;
    templates read them. Evidence: client; that the platform sets them of the mounted model's job is inferred.
    """
    if job is None:
        return {}
    return {
        JOB_DEFINITION_NAME: job.job_definition_name,
        JOB_DEFINITION_VERSION: str(job.job_definition_version),
        JOB_ID: job.training_job_id,
        "TRAINING_JOB_DATASETS": json.dumps(job.datasets),
        "TRAINING_JOB_DATASET_IDS": ",".join(job.datasets.values()),
    }


def merged_user_variables(*layers: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the user's variables as text, later layers over earlier ones.

    From the lowest: those of every model code, if somebody has set some for all of it, the deployment's
    `default_environment`, the version's `user_parameters`, and those of the service, the trigger or the run. That the
    last one lies over the deployment's is documented (SDK docstring of update_service); that the version's lie between
    them is inferred: it is of the deployment and used by many services.

    Unlike a job's they may name a job (`RESULT_VARIABLES`).

    Raises:
        VariableError: when a name is none, or one of the platform's own.
    """
    merged: dict[str, str] = {}
    for layer in layers:
        named = {name: value for name, value in (layer or {}).items() if name in RESULT_VARIABLES}
        merged.update({name: "" if value is None else str(value) for name, value in named.items()})
        merged.update(user_variables({name: value for name, value in (layer or {}).items() if name not in named}))
    return merged
