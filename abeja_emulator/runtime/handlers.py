"""From `module:function`, a path or a callable to what has to be called."""

from __future__ import annotations

import importlib
import os
import runpy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Union

from abeja_emulator.runtime.handler_names import file_of, is_well_formed, suggestion
from abeja_emulator.runtime.images import Calling

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

HandlerLike = Union[str, Path, Callable[..., Any]]

#: Levels below the source directory at which `.abeja` is looked for (runner, py36.py).
_DEPTH = 3


class HandlerError(ValueError):
    """A handler that is not there, or is not named the way the platform names handlers."""


@dataclass(frozen=True)
class Handler:
    """What a job calls.

    Attributes:
        name: `module:function`, or `module` for a script.
        source: directory that its modules are imported from; None for a callable.
        function: the callable itself, when one was given.
    """

    name: str
    source: Path | None
    function: Callable[..., Any] | None = None

    @property
    def work(self) -> Path:
        """Working directory: the parent of a folder `.abeja` up to three levels below the source, or the source."""
        if self.source is not None:
            return find_root(self.source)
        try:
            return Path.cwd()
        except FileNotFoundError as error:
            message = "the working directory was removed; a handler that is a function runs in it, so change to another"
            raise HandlerError(message) from error

    def load(self, calling: Calling) -> Callable[..., Any]:
        """Import the handler's module and return the function; a script is its own function.

        Raises:
            HandlerError: when the name is not `module:function`, or the module has no such function.
            ImportError: when there is no such module, or it cannot import another.
        """
        if self.function is not None:
            return self.function
        if calling is Calling.SCRIPT and ":" not in self.name:
            return partial(_run_script, self.name)
        if not is_well_formed(self.name):
            meant = suggestion(self.name, [self.work]) or f"{self.name.partition(':')[0] or 'train'}:handler"
            message = f"handler {self.name!r} is not of the form module:function with exactly one colon; write {meant}"
            raise HandlerError(message)
        name, _, attribute = self.name.partition(":")
        module = importlib.import_module(name)
        function = getattr(module, attribute, None)
        if not callable(function):
            place = getattr(module, "__file__", None) or "a folder"
            message = f"module {name!r} ({place}) has no function {attribute!r}; {_functions_of(module)}"
            raise HandlerError(message)
        return function  # type: ignore[no-any-return]


def find_handler(
    handler: HandlerLike, roots: Sequence[Path], source: Path | None = None, *, script: bool = False
) -> Handler:
    """Return the handler that a test names.

    Args:
        handler: `module:function`, found below `source` or else below the first of `roots` that has the
            module; `path/to/train.py` or `path/to/train.py:function` (default `handler`), relative
            to one of `roots`; or a callable.
        roots: folders to look in, nearest first.
        source: the job's source directory; modules are imported from there.
        script: whether the image runs modules as programs; a path without a function is one then.

    Raises:
        HandlerError: when it is nowhere; it says where was looked. A name that is not of the form
            `module:function` is no such error: the platform takes it, and fails the job.
    """
    if callable(handler):
        module = getattr(handler, "__module__", None) or "__main__"
        name = getattr(handler, "__name__", type(handler).__name__)
        return Handler(f"{module}:{name}", None, handler)
    text = str(handler)
    if not text.strip():
        message = "the handler is an empty text; write module:function, such as 'train:handler'"
        raise HandlerError(message)
    path, colon, function = text.rpartition(":") if ".py:" in text else (text, "", "handler")
    places = [source] if source is not None else list(roots)
    if path.endswith(".py"):
        for root in places:
            file = root / path
            if file.is_file():
                name = f"{file.stem}:{function}" if colon or not script else file.stem
                return Handler(name, file.resolve().parent)
        message = f"there is no file {path!r} in {_listed(places)}"
        raise HandlerError(message)
    module = text.partition(":")[0]
    for root in places:
        if source is not None or not module or file_of(find_root(root), module) is not None:
            return Handler(text, root.resolve())
    meant = suggestion(text, [find_root(root) for root in places])
    message = (
        f"there is no module {module!r} in {_listed(places)}; name the file instead "
        f"(path/to/{module.replace('.', '/')}.py:handler), or pass source=, the job's source directory"
    )
    if meant is not None:
        message += f"; did you mean {meant!r}?"
    raise HandlerError(message)


def find_root(source: Path) -> Path:
    """Return the folder that holds `.abeja`, searched breadth first up to three levels down, or `source`."""
    level = [source]
    for depth in range(_DEPTH + 1):
        for folder in level:
            if (folder / ".abeja").is_dir():
                return folder
        if depth < _DEPTH:
            level = [child for folder in level for child in _folders(folder)]
    return source


#: Folders that hold no source and may be large.
_SKIPPED = {".git", ".venv", ".tox", "node_modules", "__pycache__"}


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            found = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:  # one that may not be read, such as the volume of a database, holds no source
        return []
    return [folder / name for name in sorted(found) if name not in _SKIPPED]


def _functions_of(module: ModuleType) -> str:
    """Return which functions a module defines, for somebody who named another."""
    names = [
        name for name, value in vars(module).items() if callable(value) and _is_of(module, value) and name[0] != "_"
    ]
    return f"its functions are {', '.join(names)}" if names else "it has no functions"


def _is_of(module: ModuleType, value: Any) -> bool:
    return getattr(value, "__module__", None) == module.__name__


def _listed(places: Sequence[Path]) -> str:
    return ", ".join(str(place) for place in places) or "no folder at all"


def _run_script(name: str, context: Any) -> None:
    """Run a module the way `python train.py` does; it finds its datasets in the environment."""
    del context
    runpy.run_module(name.removesuffix(".py"), run_name="__main__", alter_sys=True)
