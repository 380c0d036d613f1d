"""Environment variables that users set for their code, and those that only the platform sets."""

from __future__ import annotations

import re
from typing import Any

from abeja_emulator.errors import BadRequest

#: Form of the name of a variable (`abejacli/config/__init__.py`). That the platform refuses what its
#: command line refuses is inferred; a job could not be given such a variable.
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

#: Variables that the platform sets itself (`abejacli/config/__init__.py`, RESERVED_ENV_VAR). Evidence: client; that
#: it refuses them from a user is inferred: a job would not run as its author thinks it does.
RESERVED = (
    "ABEJA_API_URL",
    "ABEJA_ORGANIZATION_ID",
    "ABEJA_STORAGE_DIR_PATH",
    "ABEJA_TRAINING_RESULT_DIR",
    "DATASETS",
    "HANDLER",
    "PLATFORM_AUTH_TOKEN",
    "PYTHONUNBUFFERED",
    "SERVICE_TYPE",
    "TRAINING_JOB_DEFINITION_NAME",
    "TRAINING_JOB_DEFINITION_VERSION",
    "TRAINING_JOB_ID",
    "TRAINING_NOTEBOOK_ID",
)


def variables_of(values: dict[str, Any] | None) -> dict[str, str]:
    """Return variables as the CLI and the runner pass them on: text, null as the empty text.

    Raises:
        BadRequest: when a name cannot be one of a variable, or is one of the platform's own.
    """
    for name, value in (values or {}).items():
        complaint = complaint_about(name, value)
        if complaint is not None:
            raise BadRequest(complaint)
    return texts_of(values)


def complaint_about(name: str, value: Any = None) -> str | None:
    """Return why a user cannot set a variable of that name to that value, or None."""
    if not _VARIABLE.fullmatch(name):
        return f"{name!r} cannot be the name of a variable: letters, digits and _ only, no digit first"
    if name in RESERVED:
        return f"{name} is set by the platform itself; choose another name for a variable of your own"
    if isinstance(value, str) and "\0" in value:
        return f"the value of {name} has a NUL character, which no variable can have"
    return None


def texts_of(values: dict[str, Any] | None) -> dict[str, str]:
    """Return values as text, null as the empty text."""
    return {name: "" if value is None else str(value) for name, value in (values or {}).items()}
