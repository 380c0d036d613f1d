"""What the SDK reads once, at import, and keeps: the address of the API and the folder of its cache."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: (module, class or None, attribute, variable) of each, as of abeja-sdk 1.0 to 2.3.
_FROZEN = (
    ("abeja.common.connection", "Connection", "BASE_URL", "ABEJA_API_URL"),
    ("abeja.common.config", None, "MOUNT_DIR", "ABEJA_STORAGE_DIR_PATH"),
    ("abeja.common.local_file", None, "MOUNT_DIR", "ABEJA_STORAGE_DIR_PATH"),
)


def sdk_base_url() -> str | None:
    """Return the address the SDK was told when it was imported, or None when it is not imported."""
    owner = _owner("abeja.common.connection", "Connection")
    url = getattr(owner, "BASE_URL", None)
    return url if isinstance(url, str) else None


@contextmanager
def thawed_sdk(inside: Mapping[str, str], outside: Mapping[str, str]) -> Iterator[None]:
    """Let the SDK see the variables `inside`, whenever it was imported, and the old values afterwards.

    Args:
        inside: the environment while this is entered.
        outside: the environment after it, for an SDK that is imported meanwhile.
    """
    before = {}
    for frozen in _FROZEN:
        module, cls, attribute, variable = frozen
        owner = _owner(module, cls)
        if owner is not None and hasattr(owner, attribute) and variable in inside:
            before[frozen] = getattr(owner, attribute)
            setattr(owner, attribute, inside[variable])
    try:
        yield
    finally:
        for frozen in _FROZEN:
            module, cls, attribute, variable = frozen
            owner = _owner(module, cls)
            if owner is not None and hasattr(owner, attribute):
                value = before[frozen] if frozen in before else outside.get(variable, _default(variable))
                setattr(owner, attribute, value)


def _default(variable: str) -> str:
    """Return what the SDK takes when a variable is not set (`abeja/common/{config,connection}.py`)."""
    if variable == "ABEJA_API_URL":
        return "https://api.abeja.io"
    try:
        return f"{Path.home()}/.abeja/.cache"
    except RuntimeError:
        return f"{os.getcwd()}/.cache"  # noqa: PTH109 - text, as the SDK keeps it


def _owner(module: str, cls: str | None) -> object | None:
    owner: object | None = sys.modules.get(module)
    return owner if owner is None or cls is None else getattr(owner, cls, None)
