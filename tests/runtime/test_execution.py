"""From options and configuration to how jobs are run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from abeja_emulator.runtime.execution import Execution, cache_folder
from abeja_emulator.runtime.images import Calling
from abeja_emulator.runtime.interpreters import InterpreterError
from abeja_emulator.runtime.limits import LimitError, Limits


def test_nothing_said() -> None:
    """The current interpreter, no requirements, no limits."""
    options = Execution().options()
    assert options["interpreters"].for_image("abeja-inc/all-cpu:19.10") == Path(sys.executable)
    assert options["environments"] is options["instance_types"] is None


def test_images() -> None:
    """An interpreter, a way of calling, or both; patterns too."""
    lines = (
        f"abeja-inc/*:18.10 = {sys.executable}",
        "custom/*:1.0 = , object",
        f"custom/*:2.0={sys.executable},script",
        "",
    )
    interpreters = Execution(images=lines).options()["interpreters"]
    assert interpreters.by_image == {"abeja-inc/*:18.10": sys.executable, "custom/*:2.0": sys.executable}
    assert interpreters.calling_of("custom/1/a:1.0") is Calling.OBJECT
    assert interpreters.calling_of("custom/1/a:2.0") is Calling.SCRIPT
    assert interpreters.calling_of("custom/1/a:3.0") is Calling.DICT


@pytest.mark.parametrize("line", ["nothing", "= python3", "image =", "image = python3,", "image = ,"])
def test_images_that_cannot_be(line: str) -> None:
    """Are answered with their form."""
    with pytest.raises(InterpreterError, match="is not IMAGE = PYTHON"):
        Execution(images=(line,)).options()


@pytest.mark.parametrize(
    "execution", [Execution(python="python-of-nobody"), Execution(images=("a = python-of-nobody",))]
)
def test_an_interpreter_that_is_not_there(execution: Execution) -> None:
    """Is said at once, and not by the first job."""
    with pytest.raises(InterpreterError, match="python-of-nobody"):
        execution.options()


def test_limits() -> None:
    """Applied when asked for; a line that cannot be read is said either way."""
    types = Execution(limits=True, instance_types=("cpu-1 = 2GB, 1 cpu",)).options()["instance_types"]
    assert types.for_type("cpu-1") == Limits(2 * 10**9, 1)
    with pytest.raises(LimitError):
        Execution(instance_types=("cpu-1 = much",)).options()


def test_requirements(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Are installed below the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "abeja-emulator"
    assert Execution(install_requirements=True).options()["environments"] is not None
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "abeja-emulator"
