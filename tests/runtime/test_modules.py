"""Modules of a job: fresh for it, gone after it, and libraries as they were."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import sysconfig
import venv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from abeja_emulator.runtime.modules import FreshModules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from abeja_emulator.runtime.job import TrainedJob

COUNTER = """
    runs = []
    def handler(context):
        runs.append(1)
        print(len(runs))
"""


@pytest.fixture(autouse=True)
def _no_module_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a job imported from its source is not to be seen afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = dict(sys.modules)
    yield
    for name in set(sys.modules) - set(before):
        if "site-packages" not in str(getattr(sys.modules[name], "__file__", "site-packages")):
            del sys.modules[name]


def imported(name: str, folder: Path) -> object:
    """Import a module from a folder, as a test does."""
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    return importlib.import_module(name)


def test_a_module_is_fresh_for_each_job(run: Callable[..., TrainedJob]) -> None:
    """What it keeps at module level does not outlive the job, and neither does the module."""
    assert [run(COUNTER).log for _ in range(3)] == ["1", "1", "1"]
    assert "train" not in sys.modules


def test_a_module_that_changes_between_jobs(run: Callable[..., TrainedJob]) -> None:
    """However soon: the new text is what runs."""
    assert [run(f"def handler(context): print({number})").log for number in range(5)] == ["0", "1", "2", "3", "4"]


def test_the_job_leaves_no_bytecode(run: Callable[..., TrainedJob], tmp_path: Path) -> None:
    """A source directory is the user's."""
    run(COUNTER)
    assert [path.name for path in (tmp_path / "source").iterdir()] == ["train.py"]


def test_what_the_test_had_imported_is_put_back(
    write: Callable[..., Path], abeja_train: Callable[..., TrainedJob]
) -> None:
    """The very same object, with its state; the job has its own."""
    path = write("train.py", COUNTER)
    mine = imported("train", path.parent)
    mine.runs.extend([1, 2])  # type: ignore[attr-defined]
    assert abeja_train("train:handler", source=path.parent).log == "1"
    assert sys.modules["train"] is mine
    assert mine.runs == [1, 2]


def test_a_module_of_that_name_from_elsewhere_does_not_stand_in(
    write: Callable[..., Path], abeja_train: Callable[..., TrainedJob]
) -> None:
    """A module, a package and a folder of modules: the job imports its own, the test keeps its own."""
    for folder, said in (("tests", "the test's"), ("source", "the job's")):
        write("helper.py", f"said = {said!r}", folder)
        write("package/__init__.py", f"said = {said!r}", folder)
        write("package/sub.py", f"said = {said!r}", folder)
        write("namespace/sub.py", f"said = {said!r}", folder)
    path = write(
        "train.py",
        """
        import helper, package.sub, namespace.sub
        def handler(context):
            print({helper.said, package.said, package.sub.said, namespace.sub.said})
        """,
    )
    tests = path.parents[1] / "tests"
    names = ["helper", "package", "package.sub", "namespace", "namespace.sub"]
    mine = [imported(name, tests) for name in names]
    job = abeja_train(path)
    assert job.log == str({"the job's"})
    assert [sys.modules[name] for name in names] == mine
    assert sys.modules["package"].sub is sys.modules["package.sub"]
    assert sys.modules["package.sub"].said == "the test's"


def test_libraries_stay_the_same_objects(run: Callable[..., TrainedJob]) -> None:
    """NumPy and the SDK cannot be imported twice; one that the job is the first to import stays loaded."""
    import abeja.datasets

    job = run(
        """
        import numpy, abeja.datasets, colorsys
        def handler(context):
            print(id(numpy), id(abeja.datasets.Client), id(colorsys))
        """
    )
    assert job.log == f"{id(np)} {id(abeja.datasets.Client)} {id(sys.modules['colorsys'])}"


@pytest.mark.parametrize("imported_through", ["link", "real"])
@pytest.mark.parametrize("named_through", ["link", "real"])
def test_a_source_directory_behind_a_link(
    write: Callable[..., Path], abeja_train: Callable[..., TrainedJob], imported_through: str, named_through: str
) -> None:
    """The test may have imported the module by another path than that of the job."""
    real = write("train.py", COUNTER, "real").parent
    (real.parent / "link").symlink_to(real)
    mine = imported("train", real.parent / imported_through)
    source = real.parent / named_through
    assert [abeja_train("train:handler", source=source).log for _ in range(2)] == ["1", "1"]
    assert abeja_train(source / "train.py").log == "1"
    assert sys.modules["train"] is mine
    assert mine.runs == []


def test_a_module_deeper_in_a_source_directory_behind_a_link(
    write: Callable[..., Path], abeja_train: Callable[..., TrainedJob]
) -> None:
    """The job puts the folder on its path; what the test has from there by another path is not the job's."""
    folder = write("lib/deep.py", "values = []", "real").parent
    source = write(
        "train.py",
        "import sys\ndef handler(context):\n    sys.path.append('lib')\n    import deep\n"
        "    deep.values.append(1)\n    print(deep.values)\n",
        "real",
    ).parent
    (source.parent / "link").symlink_to(source)
    mine = imported("deep", source.parent / "link" / folder.name)
    assert [abeja_train("train:handler", source=source).log for _ in range(2)] == ["[1]", "[1]"]
    assert mine.values == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("folder", ["venv/lib/python3/site-packages", "vendored/dist-packages"])
def test_an_environment_inside_the_source_directory_holds_libraries(
    write: Callable[..., Path], abeja_train: Callable[..., TrainedJob], folder: str
) -> None:
    """What is installed there is no module of the job, whatever the environment's folder is called."""
    library = write("alibrary/__init__.py", "", f"source/{folder}").parents[1]
    path = write("train.py", "import alibrary\ndef handler(context): print(id(alibrary))")
    mine = imported("alibrary", library)
    assert abeja_train(path).log == str(id(mine))


def test_a_real_environment_inside_the_source_directory(write: Callable[..., Path]) -> None:
    """An interpreter of it runs two jobs over the modules of its own standard and site directories."""
    source = write("train.py", "import json, alibrary\nkept = [json, alibrary]").parent
    venv.create(source / "env", symlinks=True)
    script = f"""
import sys, pathlib
sys.path[:0] = {[entry for entry in sys.path if entry]!r}
from abeja_emulator.runtime.modules import FreshModules
site = next(entry for entry in sys.path if entry.startswith({str(source)!r}))
pathlib.Path(site, "alibrary.py").write_text("")
import alibrary
sys.path.insert(0, {str(source)!r})
for _ in range(2):
    with FreshModules(pathlib.Path({str(source)!r})):
        import json, train
        assert train.kept == [json, alibrary]
        first = train
    assert "train" not in sys.modules
assert sys.modules["alibrary"] is alibrary
"""
    subprocess.run([source / "env" / "bin" / "python", "-c", script], check=True)


def test_everything_is_put_back_after_an_exception(tmp_path: Path) -> None:
    """The set of loaded modules is what it was, and each is the same."""
    (tmp_path / "train.py").write_text("raise ValueError")
    before = dict(sys.modules)
    sys.path.insert(0, str(tmp_path))
    with pytest.raises(ValueError), FreshModules(tmp_path):  # noqa: PT011 - the module's own
        import train  # type: ignore[import-not-found]  # noqa: F401
    assert sys.modules == before


def test_the_emulator_itself_and_the_main_program_are_never_the_jobs() -> None:
    """Even if the source directory holds them, or all there is."""
    import abeja_emulator

    before = dict(sys.modules)
    root = os.path.dirname(os.path.dirname(str(abeja_emulator.__file__)))  # noqa: PTH120 - the text
    with FreshModules(importlib.import_module("pathlib").Path(root)):
        assert "tests" not in sys.modules
        assert sys.modules["__main__"] is before["__main__"]
        assert sys.modules["abeja_emulator.runtime.modules"] is before["abeja_emulator.runtime.modules"]
    with FreshModules(importlib.import_module("pathlib").Path("/")):
        assert sys.modules["numpy"] is np
        assert sys.modules["os"] is os
        assert sysconfig is sys.modules["sysconfig"]
    assert sys.modules == before


def test_strange_things_among_the_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands there need not be a module, and the package of a namespace may be gone."""
    (tmp_path / "outer" / "inner").mkdir(parents=True)
    imported("outer.inner", tmp_path)
    monkeypatch.setitem(sys.modules, "strange", None)
    monkeypatch.setitem(sys.modules, "stranger", object())
    orphan = sys.modules["outer.inner"]
    del sys.modules["outer"]
    sys.path.insert(0, "/elsewhere")
    with FreshModules(tmp_path / "source"):
        pass
    assert sys.modules["outer.inner"] is orphan
