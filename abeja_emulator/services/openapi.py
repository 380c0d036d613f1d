"""The OpenAPI document of the platform, from what the services declare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import abeja_emulator
from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.wire.openapi import openapi

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abeja_emulator.wire.operations import Operation

TITLE = "ABEJA Platform, as emulated"

DESCRIPTION = (
    "Generated from what the emulator declares. `x-evidence` says where the behaviour of an operation is known from, "
    "`x-source` where to look; `x-role` is the least role of a user who may call it, where credentials are checked. "
    "What is not emulated answers 501 and says why."
)


def platform_openapi(operations: Iterable[Operation] | None = None) -> dict[str, Any]:
    """Return the document of the platform's operations: of all, or of those that are named."""
    return openapi(
        all_operations() if operations is None else operations,
        title=TITLE,
        version=abeja_emulator.__version__,
        description=DESCRIPTION,
    )
