"""The ABEJA Platform on a laptop: run real handlers with the real SDK, offline.

Public names are imported when they are first used, so that the pytest plugin costs nothing
in a test run that does not ask for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abeja_emulator.clock import Clock
    from abeja_emulator.errors import PlatformError
    from abeja_emulator.platform import Platform

__all__ = ["Clock", "Platform", "PlatformError", "__version__"]


def __getattr__(name: str) -> Any:
    homes = {
        "Clock": "abeja_emulator.clock",
        "Platform": "abeja_emulator.platform",
        "PlatformError": "abeja_emulator.errors",
    }
    if name == "__version__":
        return import_module("importlib.metadata").version("abeja-emulator")
    if name in homes:
        return getattr(import_module(homes[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
