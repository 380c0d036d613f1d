"""Modules of a job: imported afresh for it, removed after it."""

from __future__ import annotations

import importlib
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from typing_extensions import Self


class FreshModules:
    """While this is entered, modules below `source` are imported as if for the first time.

    Libraries stay loaded: NumPy and TensorFlow cannot be imported twice in one process. What was
    loaded from below `source` before (the test module itself, say) is put back afterwards.

    Args:
        source: the job's source directory.
    """

    def __init__(self, source: Path) -> None:
        self._source = f"{source.resolve()}/"
        self._stashed: dict[str, ModuleType] = {}

    def __enter__(self) -> Self:
        self._stashed = self._take_out()
        importlib.invalidate_caches()
        return self

    def __exit__(self, *exception: object) -> None:
        self._take_out()
        sys.modules.update(self._stashed)
        # A submodule is an attribute of its package too, and that may be the job's by now.
        for name, module in self._stashed.items():
            parent, _, child = name.rpartition(".")
            if parent in sys.modules:
                setattr(sys.modules[parent], child, module)
        self._stashed = {}
        importlib.invalidate_caches()

    def _take_out(self) -> dict[str, ModuleType]:
        found = {
            name: module
            for name, module in list(sys.modules.items())
            if name != "__main__" and not _is_own(name) and self._is_below(module)
        }
        for name in found:
            del sys.modules[name]
        return found

    def _is_below(self, module: ModuleType) -> bool:
        place = _place_of(module)
        if place is None or not place.startswith(self._source):
            # A source directory may be named through a link; resolving costs a call of the system.
            return False
        return not place.startswith(_libraries())


def _place_of(module: ModuleType) -> str | None:
    try:
        file = vars(module).get("__file__")
        if isinstance(file, str):
            return str(Path(file).resolve()) if ".." in file else file
        folders = list(vars(module).get("__path__") or ())
    except (TypeError, KeyError):  # what stands there need not be a module, nor a namespace's parent be loaded
        return None
    return f"{folders[0]}/" if folders and isinstance(folders[0], str) else None


def _libraries() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({f"{sysconfig.get_path(name)}/" for name in names})


def _is_own(name: str) -> bool:
    return name.partition(".")[0] in {"abeja_emulator", "abeja_emulator_child"}
