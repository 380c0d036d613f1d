"""By which name another process finds a function, and what is said when none leads to it."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.runtime.callables import importable
from abeja_emulator.runtime.handlers import HandlerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TEXT = """
def handler(context):
    return "called"

class Class:
    def method(self, context):
        pass
"""


@pytest.fixture
def load(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Write a module below `source`, import it by its dotted name, and return it."""
    before = set(sys.modules)

    def load_module(name: str, file: str | None = None) -> Any:
        path = write(file or f"{name.replace('.', '/')}.py", TEXT)
        source = next(folder for folder in path.parents if folder.name == "source")
        monkeypatch.syspath_prepend(str(source))
        return importlib.import_module(name)

    yield load_module
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("callables_plain", "callables_plain.py"),
        ("callables_package.sub.train", "callables_package/sub/train.py"),
        ("callables_package", "callables_package/__init__.py"),
    ],
)
def test_a_function_of_a_module(load: Callable[..., Any], tmp_path: Path, name: str, file: str) -> None:
    """It is found by the name of its module, in the folder that this was imported from; a callable it is no more."""
    handler = importable(load(name, file).handler)
    assert (handler.name, handler.source) == (f"{name}:handler", tmp_path / "source")
    assert handler.function is None


def test_a_module_of_a_name_of_its_own(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was imported from a file, under a name that no import leads to, is found by its file's name."""
    path = write("deep/training.py", TEXT)
    spec = importlib.util.spec_from_file_location("made-up name", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "made-up name", module)
    spec.loader.exec_module(module)
    handler = importable(module.handler)
    assert (handler.name, handler.source) == ("training:handler", path.parent)


def test_within_the_source_directory(load: Callable[..., Any], tmp_path: Path) -> None:
    """The folder that is given decides the name; a function of a library is found in any, by its own."""
    function = load("callables_package.train").handler
    folder = tmp_path / "source" / "callables_package"
    assert (importable(function, folder).name, importable(function, folder).source) == ("train:handler", folder)
    assert importable(function, tmp_path).name == "source.callables_package.train:handler"
    assert importable(json.dumps, folder).name == "json:dumps"


def test_outside_of_the_source_directory(load: Callable[..., Any], tmp_path: Path) -> None:
    """A file beside the folder is not in it, and a package is not found in itself."""
    function = load("callables_package", "callables_package/__init__.py").handler
    (tmp_path / "other").mkdir()
    with pytest.raises(HandlerError, match=r"__init__.py is not in source="):
        importable(function, tmp_path / "other")
    with pytest.raises(HandlerError, match=r"is its package, and must be the folder that holds it"):
        importable(function, tmp_path / "source" / "callables_package")


class Instance:
    """Something that can be called and is no function."""

    def __call__(self, context: Any) -> None:
        """Do nothing."""


def makes() -> Callable[[Any], None]:
    """Make a function."""

    def made(context: Any) -> None:
        del context

    return made


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda context: context, "a lambda has no name that could be imported"),
        (makes(), "'makes' makes it when it is called"),
        (partial(makes), "it is no function"),
        (Instance(), "it is no function"),
        (Instance.__call__, "it is no function of a module, but of a class"),
        (len, "module 'builtins' was not imported from a file of Python"),
        (json.dumps, "is of an installed library, and no source of a job"),
    ],
    ids=["lambda", "closure", "partial", "instance", "method", "built-in", "library"],
)
def test_what_no_import_leads_to(function: Callable[..., Any], why: str) -> None:
    """Why not, and the two things to do instead."""
    with pytest.raises(HandlerError) as refused:
        importable(function)
    assert why in str(refused.value)
    assert str(refused.value).endswith("'module:function', or run it in this process, with train_in='process'")


def test_a_function_that_was_replaced(load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A child would import the one that is in the module now, or a real one in the place of a test's own."""
    module = load("callables_plain")
    original = module.handler
    monkeypatch.setattr(module, "handler", makes())
    with pytest.raises(HandlerError, match=r"'handler' of module 'callables_plain' is something else"):
        importable(original)


def test_a_file_that_no_import_can_name(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one with a dash in its name."""
    spec = importlib.util.spec_from_file_location("made-up", write("my-train.py", TEXT))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "made-up", module)
    spec.loader.exec_module(module)
    # What is imported by a name with a dash can be imported by it again: importlib asks nobody whether it is a word.
    assert importable(module.handler, Path(str(module.__file__)).parent).name == "my-train:handler"
    with pytest.raises(HandlerError, match=r"my-train.py cannot be imported by its name"):
        importable(module.handler)
