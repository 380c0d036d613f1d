"""Types of the machines that code runs on."""

from __future__ import annotations

import re

from abeja_emulator.errors import BadRequest

_INSTANCE_TYPE = re.compile(r"(cpu|gpu)(:[a-d])?-\d+(\.\d+)?", re.ASCII)


def default_instance_type(image: str) -> str:
    """Return the instance type of a job or notebook that names none.

    It is documented for all-cpu and all-gpu, and inferred for other images.
    """
    name = image.rpartition("/")[2].partition(":")[0]
    return "gpu-1" if "gpu" in name else "cpu-1"


def check_instance_type(instance_type: str) -> None:
    """Check the form of an instance type.

    Raises:
        BadRequest: when the SDK could not read it (`abeja/common/instance_type.py`).
    """
    if not _INSTANCE_TYPE.fullmatch(instance_type):
        message = (
            f"instance_type {instance_type!r} is not of the form {{cpu|gpu}}[:{{a|b|c|d}}]-<number>, such as "
            "cpu-1, cpu-0.25 or gpu:b-4"
        )
        raise BadRequest(message)
