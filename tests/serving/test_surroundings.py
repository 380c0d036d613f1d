"""What a model changes of the process is its own, and there again at the next request."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.clock import Clock
from abeja_emulator.runtime.output import Log
from abeja_emulator.serving.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Enter = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def log() -> Log:
    return Log(Clock())


@pytest.fixture
def enter(tmp_path: Path, log: Log) -> Iterator[Enter]:
    surroundings = Surroundings({"A": "1", "PATH": os.environ["PATH"]}, tmp_path.resolve(), tmp_path, log)
    yield lambda: surroundings.entered((sys.stdout, sys.stderr))
    surroundings.close()


def lines(log: Log) -> list[str]:
    return [line.message for line in log.lines]


def test_variables(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are given and no others, but for what leads children to the emulator, which is of the moment."""
    monkeypatch.setenv("B", "2")
    monkeypatch.setenv("ABEJA_EMULATOR_X", "3")
    with enter():
        assert os.environ["A"] == "1"
        assert "B" not in os.environ
        os.environ["SET_AT_IMPORT"] = "4"
    assert "SET_AT_IMPORT" not in os.environ
    assert (os.environ["B"], os.environ.get("A")) == ("2", None)
    monkeypatch.setenv("ABEJA_EMULATOR_X", "5")
    with enter():
        assert (os.environ["SET_AT_IMPORT"], os.environ["ABEJA_EMULATOR_X"]) == ("4", "5")


def test_directory_and_paths_of_import(enter: Enter, tmp_path: Path) -> None:
    before, path = Path.cwd(), list(sys.path)
    (tmp_path / "inner").mkdir()
    with enter():
        assert Path.cwd() == tmp_path.resolve()
        os.chdir("inner")
        sys.path.append("/somewhere")
    assert (Path.cwd(), sys.path) == (before, path)
    with enter():
        assert Path.cwd() == tmp_path.resolve() / "inner"
        assert sys.path[-1] == "/somewhere"


def test_modules(enter: Enter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are its own, the same ones each time, and another's of that name is there again in between."""
    (tmp_path / "mine_and_yours.py").write_text("value = []")
    (tmp_path / "late_one.py").write_text("import mine_and_yours")
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        yours = __import__("mine_and_yours")
    with enter():
        mine = __import__("mine_and_yours")
        assert mine is not yours
    assert sys.modules["mine_and_yours"] is yours
    with enter():
        assert __import__("late_one").mine_and_yours is mine
    assert sys.modules.pop("mine_and_yours") is yours
    assert "late_one" not in sys.modules


def test_modules_that_come_and_go(enter: Enter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In between, and at a request after others that have imported nothing."""
    (tmp_path / "first_one.py").write_text("")
    (tmp_path / "second_one.py").write_text("")
    with enter():
        first = __import__("first_one")
    for _ in range(3):
        with enter():
            assert __import__("first_one") is first
        assert "first_one" not in sys.modules
    with enter():
        second = __import__("second_one")
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        yours = __import__("second_one")
    for _ in range(3):
        with enter():
            assert (__import__("first_one"), __import__("second_one")) == (first, second)
        assert sys.modules["second_one"] is yours
    with enter():
        del sys.modules["first_one"]
    with enter():
        assert __import__("first_one") is not first
    assert sys.modules.pop("second_one") is yours


def test_output(enter: Enter, log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    """It is kept and shown; a stream that a model has taken at import is good for later, and for the time between."""
    with enter():
        kept = sys.stdout
        print("at import")
    with enter():
        print("later", file=kept)
    print("between", file=kept)
    assert lines(log) == ["at import", "later"]
    assert capsys.readouterr().out == "at import\nlater\nbetween\n"


def test_logging(enter: Enter, log: Log) -> None:
    """What `basicConfig` has set up at import works at each request, and is nobody else's."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with enter():
        logging.basicConfig(level=logging.INFO, format="%(message)s")
    for number in (1, 2):
        with enter():
            logging.getLogger("mine").info("request %s", number)
    assert lines(log) == ["request 1", "request 2"]
    assert (root.handlers, root.level) == (handlers, level)


def test_filters_of_warnings(enter: Enter) -> None:
    """One that a model has set at import holds at each request, and for nobody else."""
    with enter():
        warnings.filterwarnings("ignore", "mine")
    before = list(warnings.filters)
    for _ in range(2):
        with enter():
            warnings.warn("mine", stacklevel=1)
    assert list(warnings.filters) == before
    with pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", stacklevel=1)


def test_it_is_left_as_it_was_found_when_a_handler_raises(enter: Enter) -> None:
    before = (dict(os.environ), sys.stdout, list(sys.path))
    with pytest.raises(KeyError), enter():
        raise KeyError
    assert (dict(os.environ), sys.stdout, list(sys.path)) == before


def test_a_stream_that_the_model_closes(enter: Enter, log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    """It is closed for the model, now and later, and for nobody else."""
    outside = sys.stdout
    with enter():
        print("before")
        sys.stdout.close()
        with pytest.raises(ValueError, match="I/O operation on closed file"):
            print("after")
    assert sys.stdout is outside
    print("outside")
    with enter():
        assert sys.stdout.closed
        with pytest.raises(ValueError, match="I/O operation on closed file"):
            sys.stdout.writelines(["later"])
    assert capsys.readouterr().out == "before\noutside\n"
    assert lines(log) == ["before"]


@pytest.mark.parametrize("detach", [False, True])
def test_a_stream_of_its_own_around_the_bytes(
    enter: Enter, log: Log, capsys: pytest.CaptureFixture[str], *, detach: bool
) -> None:
    """As models write that want UTF-8 whatever the locale: what it writes is kept, and its end closes nothing."""
    outside = sys.stdout
    with enter():
        bytes_ = sys.stdout.detach() if detach else sys.stdout.buffer  # type: ignore[union-attr]
        sys.stdout = io.TextIOWrapper(bytes_, encoding="utf-8")
        print("モデル")
        bytes_.write("é".encode()[:1])
        sys.stdout.buffer.write("é\n".encode()[1:])
    del bytes_
    assert sys.stdout is outside
    print("outside")
    assert sorted(capsys.readouterr().out.splitlines()) == ["outside", "é", "モデル"]
    assert sorted(lines(log)) == ["é", "モデル"]
