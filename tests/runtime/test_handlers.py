"""From what a test names to what is called."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.runtime.handler_names import is_well_formed
from abeja_emulator.runtime.handlers import Handler, HandlerError, find_handler, find_root
from abeja_emulator.runtime.images import Calling

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abeja_emulator.runtime.job import TrainedJob

WHERE = "import os\ndef handler(context): print(os.getcwd())\n"


def test_every_way_of_naming_a_handler(write: Callable[..., Path], abeja_train: Callable[..., TrainedJob]) -> None:
    """A path, a path with a function, `module:function`, a dotted module, and a callable run the same code."""
    path = write("pkg/train.py", "def handler(context): print('handler')\ndef other(context): print('other')\n")
    source = path.parents[1]
    said = [
        abeja_train(path),
        abeja_train(str(path)),
        abeja_train(f"{path}:other"),
        abeja_train("pkg/train.py", source=source),
        abeja_train("pkg.train:other", source=str(source)),
        abeja_train(lambda context: sys.stdout.write(f"called {sorted(context)}\n")),
    ]
    assert [job.status for job in said] == ["Complete"] * len(said)
    assert [job.log for job in said] == ["handler", "handler", "other", "handler", "other", "called ['datasets']"]


def test_a_module_is_looked_for_from_the_tests_folder_upwards(
    pytester: pytest.Pytester,
) -> None:
    """The nearest folder that has it is the source directory; the folder pytest was started in counts last."""
    pytester.mkpydir("deep")
    (pytester.path / "train.py").write_text("def handler(context): print('top')\n")
    (pytester.path / "deep" / "near.py").write_text("def handler(context): print('near')\n")
    (pytester.path / "deep" / "test_it.py").write_text(
        "def test_it(abeja_train):\n"
        "    assert abeja_train('train:handler').log == 'top'\n"
        "    assert abeja_train('near:handler').log == 'near'\n"
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_a_module_that_is_nowhere(tmp_path: Path) -> None:
    """The error says where was looked, and what to write instead."""
    with pytest.raises(HandlerError, match=r"no module 'train' in .*name the file instead") as raised:
        find_handler("train:handler", [tmp_path])
    assert str(tmp_path) in str(raised.value)
    with pytest.raises(HandlerError, match=r"no file 'x/train\.py'"):
        find_handler("x/train.py:handler", [tmp_path])
    with pytest.raises(HandlerError, match="no folder at all"):
        find_handler("train:handler", [])


@pytest.mark.parametrize("handler", ["train.handler", "trian:handler"])
def test_what_was_meant_is_said(tmp_path: Path, write: Callable[..., Path], handler: str) -> None:
    """The form with the colon, and the name of a module that is there."""
    source = write("train.py", "def handler(context): pass").parent
    with pytest.raises(HandlerError, match=r"did you mean 'train:handler'\?$"):
        find_handler(handler, [tmp_path, source])


def test_a_dot_in_the_place_of_the_colon(write: Callable[..., Path], abeja_train: Callable[..., TrainedJob]) -> None:
    """With a source directory the job fails, and its log says what was meant."""
    source = write("train.py", "def handler(context): pass").parent
    assert abeja_train("train.handler", source=source).log.endswith("exactly one colon; write train:handler")


@pytest.mark.parametrize("handler", ["train", "train:handler:x", "train:", ":handler", ":", "handler:"])
def test_a_name_without_exactly_one_colon_fails_the_job(
    run: Callable[..., TrainedJob],
    write: Callable[..., Path],
    abeja_train: Callable[..., TrainedJob],
    handler: str,
) -> None:
    """As on the platform; the log has one plain sentence and no frame of the emulator."""
    source = write("train.py", "def handler(context): pass").parent
    job = abeja_train(handler, source=source)
    assert job.status == "Failed"
    module = handler.partition(":")[0] or "train"
    assert job.log == (
        f"handler {handler!r} is not of the form module:function with exactly one colon; write {module}:handler"
    )
    assert job.status_message == job.log


@given(st.text(alphabet="ab.:"))
def test_well_formed_is_a_module_and_a_function(name: str) -> None:
    """Something, one colon, something."""
    assert is_well_formed(name) == (name.count(":") == 1 and all(name.split(":")))


def test_a_function_that_is_missing(run: Callable[..., TrainedJob]) -> None:
    """Neither nothing nor something that cannot be called is a handler; the log says where was looked."""
    for text in ("", "handler = 5"):
        job = run(text)
        assert job.status == "Failed"
        assert "has no function 'handler'" in job.log
        assert "train.py" in job.log
        assert "Traceback" not in job.log


def test_a_module_that_is_missing(write: Callable[..., Path], abeja_train: Callable[..., TrainedJob]) -> None:
    """Of the source directory, or of what the handler imports: the job fails with the import's own sentence."""
    source = write("train.py", "import there_is_no_such_module\ndef handler(context): pass").parent
    job = abeja_train("other:handler", source=source)
    assert (job.status, job.log) == ("Failed", "ModuleNotFoundError: No module named 'other'")
    job = abeja_train("train:handler", source=source)
    assert job.status_message == "ModuleNotFoundError: No module named 'there_is_no_such_module'"
    assert job.log.splitlines()[1].strip().startswith(f'File "{(source / "train.py").resolve()}", line 1')


def test_a_module_with_a_syntax_error(run: Callable[..., TrainedJob]) -> None:
    """The message is one line, the log shows the place."""
    job = run("def handler(context)\n")
    assert job.status == "Failed"
    assert job.status_message is not None
    assert job.status_message.startswith("SyntaxError: ")
    assert "\n" not in job.status_message
    assert 'train.py", line 1' in job.log


@pytest.mark.parametrize("depth", range(5))
def test_the_working_directory_is_the_parent_of_dot_abeja(
    tmp_path: Path, abeja_train: Callable[..., TrainedJob], depth: int
) -> None:
    """Up to three levels down, not four; modules are imported from there."""
    source = tmp_path / "source"
    work = source.joinpath(*"abcd"[:depth])
    work.mkdir(parents=True)
    (work / ".abeja").mkdir()
    expected = work if depth <= 3 else source
    (expected / "train.py").write_text(WHERE)
    assert find_root(source) == expected
    job = abeja_train("train:handler", source=source)
    assert (job.status, job.log) == ("Complete", str(expected.resolve()))


def test_the_shallowest_dot_abeja_wins(tmp_path: Path) -> None:
    """Breadth first, and by name within a level; large folders without source are not searched."""
    for place in ("b/.abeja", "a/x/.abeja", ".git/.abeja", "node_modules/.abeja"):
        (tmp_path / place).mkdir(parents=True)
    assert find_root(tmp_path) == tmp_path / "b"
    (tmp_path / "file").touch()
    assert find_root(tmp_path / "file") == tmp_path / "file"


def test_without_dot_abeja_the_source_is_the_working_directory(run: Callable[..., TrainedJob], tmp_path: Path) -> None:
    """And for a callable the directory stays as it is."""
    assert run(WHERE).log == str((tmp_path / "source").resolve())


def test_load_returns_what_is_called(tmp_path: Path) -> None:
    """A callable is its own function, whatever it is named; one without a name is named by its class."""

    class Callable_:  # noqa: N801 - not the other one
        def __call__(self, context: Any) -> None: ...

    instance = Callable_()
    handler = find_handler(instance, [tmp_path])
    assert handler.load(Calling.DICT) is instance
    assert handler.name == f"{__name__}:Callable_"
    assert Handler("x:y", None, print).load(Calling.DICT) is print
