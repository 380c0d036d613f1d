"""By which name, and from which folder, another process finds a function of this one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Callable

from abeja_emulator.runtime.handlers import Handler, HandlerError
from abeja_emulator.runtime.modules import is_library

_INSTEAD = "name it as 'module:function', or run it in this process, with train_in='process'"


def importable(function: Callable[..., Any], source: Path | None = None) -> Handler:
    """Return the handler by which a child finds a function: its module, and the folder that it is imported from.

    Args:
        function: what is to be called.
        source: the job's source directory; the one of the function's module by default.

    Raises:
        HandlerError: when no import leads to it; it says why not, and what to do.
    """
    __tracebackhide__ = True
    name = getattr(function, "__qualname__", None)
    module_name = getattr(function, "__module__", None)
    if not isinstance(name, str) or not isinstance(module_name, str):
        raise _unreachable(function, "it is no function")
    if name.endswith("<lambda>"):
        raise _unreachable(function, "a lambda has no name that could be imported")
    if "<locals>" in name:
        raise _unreachable(function, f"{name.partition('.<locals>')[0]!r} makes it when it is called")
    if "." in name:
        raise _unreachable(function, "it is no function of a module, but of a class")
    module = sys.modules.get(module_name)
    if getattr(module, name, None) is not function:
        raise _unreachable(function, f"{name!r} of module {module_name!r} is something else")
    file = getattr(module, "__file__", None)
    if module_name == "__main__" or not isinstance(file, str) or not file.endswith(".py"):
        raise _unreachable(function, f"module {module_name!r} was not imported from a file of Python")
    folder, dotted = _place_of(function, Path(file), module_name, source)
    return Handler(f"{dotted}:{name}", folder)


def _place_of(function: Any, file: Path, module: str, source: Path | None) -> tuple[Path, str]:
    """Return the source directory, and the name of the module in it."""
    if is_library(str(file.parent)):
        if source is not None:
            return source, module
        raise _unreachable(function, f"{file} is of an installed library, and no source of a job")
    if source is None:
        return _root_of(function, file, module)
    try:
        below = file.resolve().relative_to(source.resolve())
    except ValueError:
        raise _unreachable(function, f"{file} is not in source={str(source)!r}") from None
    place = below.parent if below.name == "__init__.py" else below.with_suffix("")
    if not place.parts:
        raise _unreachable(function, f"source={str(source)!r} is its package, and must be the folder that holds it")
    return source, ".".join(place.parts)


def _root_of(function: Any, file: Path, module: str) -> tuple[Path, str]:
    """Return the folder from which a module is imported by its name, or else that of its file."""
    parts = module.split(".")
    place = file.parent if file.name == "__init__.py" else file.with_suffix("")
    if list(place.parts[-len(parts) :]) == parts:
        return place.parents[len(parts) - 1], module
    # It was imported under a name of somebody's own making.
    if not place.name.isidentifier():
        raise _unreachable(function, f"{file} cannot be imported by its name")
    return place.parent, place.name


def _unreachable(function: Any, why: str) -> HandlerError:
    return HandlerError(f"a child cannot find the handler {function!r}: {why}; {_INSTEAD}")
