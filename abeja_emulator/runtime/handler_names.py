"""What is wrong with the name of a handler, as far as its source folder tells without importing anything."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: The function that is meant where none is named.
_USUAL = "handler"

#: Names of a list that are shown.
_SHOWN = 10

#: What makes names that nobody can read.
_MAKERS = ("exec", "globals", "locals", "setattr", "vars")

_Function = (ast.FunctionDef, ast.AsyncFunctionDef)
_Scope = Union[ast.Module, ast.stmt, ast.ExceptHandler]


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a name.

    Attributes:
        what: the sentence; it says what to write, where that can be told.
        module: the top-level module that is not in the folder, if that is all; it may be somewhere else.
    """

    what: str
    module: str | None = None


def is_well_formed(name: str) -> bool:
    """Return whether a name is `module:function`."""
    module, colon, function = name.partition(":")
    return bool(module and colon and function) and ":" not in function


def file_of(root: Path, module: str) -> Path | None:
    """Return the file of a module below a folder, or None when it is not there."""
    if not module:
        return None
    *packages, name = module.split(".")
    folder = root.joinpath(*packages)
    try:
        return next((file for file in (folder / name / "__init__.py", folder / f"{name}.py") if file.is_file()), None)
    except OSError:  # such as of a name that no disk can hold
        return None


def wrong_with(name: str, root: Path, *, script: bool = False) -> Wrong | None:
    """Return what is wrong with the name of a handler, or None when nothing is known to be.

    Args:
        name: what somebody wrote.
        root: folder that its modules are imported from.
        script: whether the image runs a module that is named without a function as a program.
    """
    if script and ":" not in name:
        module = name.removesuffix(".py")
        return None if file_of(root, module) is not None else _no_module(name, module, root, "")
    meant = suggestion(name, [root])
    if not is_well_formed(name):
        module = name.partition(":")[0] or "train"
        write = meant or f"{module}:{_USUAL}"
        return Wrong(f"handler {name!r} is not of the form module:function with exactly one colon; write {write}")
    module, _, function = name.partition(":")
    file = file_of(root, module)
    if file is None:
        if meant is not None and (".py" in module or "/" in module):
            return Wrong(f"handler {name!r} names a file, and the platform takes a module; write {meant}")
        return _no_module(name, module, root, f":{function}")
    return _wrong_function(module, file, function)


def _wrong_function(module: str, file: Path, function: str) -> Wrong | None:
    try:
        names = _names_of(file)
    except (OSError, SyntaxError, ValueError):
        # Its import says it better.
        return None
    if names is None or function in names.bound:
        return None
    there = f"its functions are {_listed(names.functions)}" if names.functions else "it has no functions"
    return Wrong(f"module {module!r} ({file}) has no function {function!r}; {there}{_near(function, names.functions)}")


def suggestion(name: str, roots: Sequence[Path]) -> str | None:
    """Return what somebody may have meant who wrote a name that is not there, or None.

    Args:
        name: what was written: with the name of a file, or a dot in the place of the colon, or almost right.
        roots: folders in which modules are looked for.
    """
    for candidate in _candidates(name):
        if any(file_of(root, candidate.partition(":")[0]) is not None for root in roots):
            return candidate
    module, _, function = name.partition(":")
    known = {each for root in roots for each in modules_of(root, module.rpartition(".")[0])}
    near = get_close_matches(module, sorted(known), 1)
    return f"{near[0]}:{function.partition(':')[0] or _USUAL}" if near else None


def modules_of(root: Path, package: str = "") -> list[str]:
    """Return the names of the modules and packages that are right in a folder, or in a package below it."""
    folder = root.joinpath(*filter(None, package.split(".")))
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return []
    names = [
        entry.stem
        for entry in entries
        if entry.stem.isidentifier() and (entry.suffix == ".py" or (entry / "__init__.py").is_file())
    ]
    return [f"{package}.{name}" if package else name for name in names if name != "__init__"]


def _candidates(name: str) -> Iterator[str]:
    """Yield well-formed names that may have been meant, the likeliest first."""
    module, _, rest = name.partition(":")
    function = rest.partition(":")[0]
    plain = module.removesuffix(".py").strip("/").replace("/", ".").lstrip(".")
    if plain:
        yield f"{plain}:{function or _USUAL}"
    front, _, last = plain.rpartition(".")
    if front and not function:
        # A dot where the colon should be.
        yield f"{front}:{last}"


@dataclass(frozen=True)
class _Names:
    """Names of a module.

    Attributes:
        bound: all of them.
        functions: those of functions that it defines, as they come, but private ones.
    """

    bound: frozenset[str]
    functions: tuple[str, ...]


def _names_of(file: Path) -> _Names | None:
    """Return the names of a module, or None when they cannot be told without running it.

    Raises:
        OSError: when it cannot be read.
        SyntaxError: when it is no Python, or that of another version.
        ValueError: when it is no text.
    """
    tree = ast.parse(file.read_bytes(), str(file))
    bound: set[str] = set()
    functions: list[str] = []
    for node in _statements(tree):
        if isinstance(node, _Function):
            functions.append(node.name)
        if isinstance(node, (*_Function, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = {(each.asname or each.name).partition(".")[0] for each in node.names}
            if "*" in names:
                return None
            bound |= names
        else:
            bound |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and _is_bound(each)}
    for each in ast.walk(tree):
        if isinstance(each, ast.Global):
            bound.update(each.names)
        elif (isinstance(each, ast.Name) and each.id in _MAKERS) or (
            isinstance(each, ast.Attribute) and each.attr == "modules"
        ):
            return None
    if "__getattr__" in bound:
        return None
    return _Names(frozenset(bound), tuple(dict.fromkeys(name for name in functions if name[0] != "_")))


def _statements(scope: _Scope) -> Iterator[ast.stmt]:
    """Yield the statements that bind names of a module: its own, and those in branches and blocks of it."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, (*_Function, ast.ClassDef)):
            continue
        if isinstance(node, (ast.stmt, ast.ExceptHandler)) or type(node).__name__ == "match_case":
            yield from _statements(node)  # type: ignore[arg-type]


def _is_bound(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _no_module(name: str, module: str, root: Path, rest: str) -> Wrong:
    known = modules_of(root, module.rpartition(".")[0])
    there = f"what is there: {_listed(known)}" if known else "there is none at all"
    near = get_close_matches(module, known, 1)
    meant = f"; did you mean {near[0]}{rest}?" if near else ""
    what = f"handler {name!r}: there is no module {module!r} in {root}; {there}{meant}"
    top = module.partition(".")[0]
    return Wrong(what, None if file_of(root, top) is not None else top)


def _near(function: str, functions: Sequence[str]) -> str:
    near = get_close_matches(function, functions, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
