"""The environment of a job: what the platform sets, what the user sets, what must not get in."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from abeja_emulator.services.variables import complaint_about

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from abeja_emulator.services.training.records import TrainingJob

#: Variables of the shell that say who one is, or belong to another job.
_FOREIGN = re.compile(
    r"(ABEJA_(?!EMULATOR_)|TRAINING_).*|PLATFORM_AUTH_TOKEN|HANDLER|DATASETS|CONTEXT|SERVICE_TYPE"
    # Other names under which the CLI takes a token and an organization.
    r"|PERSONAL_ACCESS_TOKEN|ORGANIZATION_NAME"
)

_INTEGER = re.compile(r"\s*[+-]?\d+\s*")


class VariableError(ValueError):
    """A variable or a dataset of a job that the platform would not take."""


def without_foreign(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without credentials and without what belongs to another job.

    The emulator's own `ABEJA_EMULATOR_*`, which lead children to it, stay.
    """
    return {name: value for name, value in environment.items() if not _FOREIGN.fullmatch(name)}


def is_foreign(name: str) -> bool:
    """Tell whether a variable says who one is, belongs to a job, or is the emulator's own."""
    return bool(_FOREIGN.fullmatch(name)) or name.startswith("ABEJA_EMULATOR_")


def job_variables(job: TrainingJob, handler: str, api_url: str, result: str, storage: Path) -> dict[str, str]:
    """Return the variables the platform itself gives a job (behaviour.md, 1.5).

    Args:
        job: the job; its token is its credential.
        handler: `module:function`.
        api_url: base URL of the API.
        result: the result directory, absolute as the runner makes it or relative as documented.
        storage: root of the SDK's file cache.
    """
    return {
        "ABEJA_API_URL": api_url,
        "ABEJA_ORGANIZATION_ID": job.organization_id,
        "ABEJA_STORAGE_DIR_PATH": str(storage),
        "ABEJA_TRAINING_RESULT_DIR": result,
        "DATASETS": json.dumps(job.datasets),
        "HANDLER": handler,
        "PLATFORM_AUTH_TOKEN": job.token,
        "PYTHONUNBUFFERED": "x",
        "TRAINING_JOB_DEFINITION_NAME": job.job_definition_name,
        "TRAINING_JOB_DEFINITION_VERSION": str(job.job_definition_version),
        "TRAINING_JOB_ID": job.training_job_id,
    }


def user_variables(*layers: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the user's variables as text, later layers over earlier ones; null becomes the empty text.

    Raises:
        VariableError: when a name is none, or one of the platform's own.
    """
    merged: dict[str, str] = {}
    for layer in layers:
        for name, value in (layer or {}).items():
            complaint = complaint_about(str(name), value)
            if complaint is not None:
                raise VariableError(complaint)
            merged[name] = "" if value is None else str(value)
    return merged


def overlaid(environment: Mapping[str, str], user: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with the user's variables over it.

    A `PYTHONPATH` of the user comes behind the one that is there, which leads children to the emulator.
    """
    merged = {**environment, **user}
    if environment.get("PYTHONPATH") and user.get("PYTHONPATH"):
        merged["PYTHONPATH"] = os.pathsep.join([environment["PYTHONPATH"], user["PYTHONPATH"]])
    return merged


def dataset_ids(datasets: Mapping[str, Any] | None) -> dict[str, str]:
    """Return alias → dataset id, as text, the way the launcher passes them on.

    Raises:
        VariableError: when an id does not look like an integer; the platform fails such a job.
    """
    found = {}
    for alias, value in (datasets or {}).items():
        identifier = str(value)
        if not _INTEGER.fullmatch(identifier):
            message = (
                f"dataset {alias!r} has the id {identifier!r}, which is no integer; pass the id of a dataset, "
                "such as abeja_dataset('name') returns"
            )
            raise VariableError(message)
        found[alias] = identifier.strip()
    return found


def context_entries(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what the variable `CONTEXT`, a JSON object, adds to the context of a handler.

    Raises:
        VariableError: when it is something else; the platform fails such a job.
    """
    text = environment.get("CONTEXT")
    if not text:
        return {}
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"the variable CONTEXT is {text!r}, which is not JSON: {error}"
        raise VariableError(message) from error
    if not isinstance(entries, dict):
        message = f"the variable CONTEXT is {text!r}, which is no JSON object"
        raise VariableError(message)
    return entries
