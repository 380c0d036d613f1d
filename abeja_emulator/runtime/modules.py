"""Modules of a job: imported afresh for it, removed after it."""

from __future__ import annotations

import importlib
import os
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from typing_extensions import Self

#: Folders that hold libraries, wherever they are.
_LIBRARIES = {"site-packages", "dist-packages"}


class FreshModules:
    """While this is entered, modules below `source` are imported as if for the first time.

    Libraries stay loaded: NumPy and TensorFlow cannot be imported twice in one process. What was
    loaded from below `source` before (the test module itself, say), or from elsewhere under a name
    that is the job's own now, is put back afterwards.

    Args:
        source: the job's source directory.
        work: where the job's imports look first; `source` by default.
    """

    def __init__(self, source: Path, work: Path | None = None) -> None:
        self._source = _prefix(os.path.realpath(source))
        self._work = work or source
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
        # A folder may be named through a link.
        real = cache(os.path.realpath)
        shadowed, library = cache(self._shadows), cache(is_library)
        found = {}
        for name, module in list(sys.modules.items()):
            top = name.partition(".")[0]
            if top in _OWN:
                continue
            folder = _folder_of(module)
            if folder is None or library(folder):
                continue
            place = _prefix(real(folder))
            if (place.startswith(self._source) and not library(place)) or shadowed(top):
                found[name] = module
        for name in found:
            del sys.modules[name]
        return found

    def _shadows(self, name: str) -> bool:
        """Return whether the job's own imports find a module or a package of that name."""
        folder = self._work / name
        return folder.with_name(f"{name}.py").is_file() or any(folder.glob("*.py"))


#: Never taken out, wherever they are.
_OWN = {"__main__", "abeja_emulator", "abeja_emulator_child"}


def _folder_of(module: ModuleType) -> str | None:
    """Return the folder a module was loaded from, or None when that cannot be told."""
    try:
        file = vars(module).get("__file__")
        if isinstance(file, str):
            return file.rpartition(os.sep)[0] or os.sep
        folders = list(vars(module).get("__path__") or ())
    except (KeyError, TypeError):  # what stands in sys.modules need not be a module, or its package may be gone
        return None
    return folders[0] if folders and isinstance(folders[0], str) else None


def _prefix(folder: str) -> str:
    """Return what every path below a folder begins with."""
    return folder.rstrip(os.sep) + os.sep


def is_library(folder: str) -> bool:
    """Tell whether a folder is one of installed packages, or of the standard library."""
    return not _LIBRARIES.isdisjoint(Path(folder).parts) or _prefix(folder).startswith(_library_folders())


@cache
def _library_folders() -> tuple[str, ...]:
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple({_prefix(place) for folder in folders for place in (folder, os.path.realpath(folder))})
