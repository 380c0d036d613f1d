"""Which Python runs a job, and how its image calls a handler."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.runtime.images import Calling, calling_of
from abeja_emulator.runtime.interpreters import InterpreterError, Interpreters, version_of

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGE = "abeja-inc/all-cpu:19.10"


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Path]:
    """Write a program of the shell that stands for an interpreter; by default it is this Python."""

    def write(name: str, text: str = f'exec "{sys.executable}" "$@"', mode: int = 0o755) -> Path:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(mode)
        return path

    return write


def test_by_default_the_current_one() -> None:
    """As it was started, whatever the image."""
    assert Interpreters().for_image(IMAGE) == Path(sys.executable)


def test_the_nearest_entry_wins(program: Callable[..., Path]) -> None:
    """Its own name before any pattern, the longest pattern before others, the default last; order does not matter."""
    exact, tag, family, custom, other = (program(name) for name in ("exact", "tag", "family", "custom", "other"))
    table = {
        "*": other,
        "abeja-inc/*": family,
        "abeja-inc/*:18.10": tag,
        "abeja-inc/all-cpu:18.10": exact,
        "custom/1234567890123/*": custom,
    }
    for entries in (table, dict(reversed(table.items()))):
        interpreters = Interpreters(by_image=entries)
        assert interpreters.for_image("abeja-inc/all-cpu:18.10") == exact
        assert interpreters.for_image("abeja-inc/all-gpu:18.10") == tag
        assert interpreters.for_image("abeja-inc/all-gpu:19.10") == family
        assert interpreters.for_image("custom/1234567890123/mine:1") == custom
        assert interpreters.for_image("custom/1234567890124/mine:1") == other
    assert Interpreters(default=other, by_image={"custom/*": custom}).for_image(IMAGE) == other


def test_an_image_is_no_pattern() -> None:
    """Case counts, and a name without a tag is another than the same with one."""
    named = Interpreters(by_image={"abeja-inc/all-cpu": "/nowhere", "ABEJA-inc/*": "/nowhere"})
    assert named.for_image(IMAGE) == Path(sys.executable)


def test_a_name_is_found_on_path(program: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once: a job that changes PATH later does not change which Python runs the next."""
    found = program("python-of-mine")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    interpreters = Interpreters("python-of-mine")
    assert interpreters.for_image(IMAGE) == found
    monkeypatch.setenv("PATH", "/nowhere")
    assert interpreters.for_image(IMAGE) == found
    with pytest.raises(InterpreterError, match="PATH has no such program; install it, or give its path"):
        Interpreters("python-of-mine").for_image(IMAGE)


def test_a_relative_path_is_relative_to_where_it_was_said(
    program: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not to where a job has changed to."""
    found = program("python-here")
    monkeypatch.chdir(tmp_path)
    interpreters = Interpreters("./python-here")
    monkeypatch.chdir("/")
    assert interpreters.for_image(IMAGE) == found


def test_a_virtual_environment_is_not_left(tmp_path: Path) -> None:
    """Its interpreter is a link; what runs knows the environment's libraries."""
    venv.create(tmp_path / "env", symlinks=True, with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    found = Interpreters(python).for_image(IMAGE)
    assert found == python
    prefix = subprocess.check_output([found, "-c", "import sys; print(sys.prefix)"], text=True)
    assert Path(prefix.strip()).samefile(tmp_path / "env")


def test_each_is_asked_once(program: Callable[..., Path], tmp_path: Path) -> None:
    """Per object, however many images it has; another object asks again."""
    python = program("python", f'echo asked >> "{tmp_path}/asked"; exec "{sys.executable}" "$@"')
    interpreters = Interpreters(python)
    for image in (IMAGE, IMAGE, "abeja-inc/all-gpu:19.10"):
        interpreters.for_image(image)
    assert (tmp_path / "asked").read_text().split() == ["asked"]
    Interpreters(python).for_image(IMAGE)
    assert (tmp_path / "asked").read_text().split() == ["asked"] * 2


def test_its_environment_does_not_run_when_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `sitecustomize` on PYTHONPATH may be the emulator's own hook, or may print."""
    (tmp_path / "sitecustomize.py").write_text("print('python 2 7 18 cpython')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert version_of(Path(sys.executable)).number == sys.version_info[:3]
    assert version_of(Path(sys.executable)).implementation == sys.implementation.name


@pytest.mark.parametrize(
    ("text", "mode", "complaint"),
    [
        ("exit 0", 0o644, "may not be executed; chmod [+]x"),
        ("echo 'pyenv: python: command not found' >&2; exit 127", 0o755, "exit code 127 and said 'pyenv: python: comm"),
        ("echo Hello", 0o755, "is no Python that works: .* exit code 0 and said 'Hello'"),
        ("exit 1", 0o755, "said 'nothing'; name another"),
        (
            "echo python 2 7 18 cpython",
            0o755,
            "is Python 2.7.18, and jobs run in Python 3.6 and later; name a newer one",
        ),
        ("echo python 3 5 10 cpython", 0o755, "is Python 3.5.10, and"),
    ],
)
def test_what_is_no_python_for_jobs(program: Callable[..., Path], text: str, mode: int, complaint: str) -> None:
    """It says whose it is, what is wrong and what to do."""
    path = program("python", text, mode)
    # `^` and `.` in the names of temporary folders are themselves.
    with pytest.raises(InterpreterError, match=complaint) as caught:
        Interpreters(by_image={"abeja-inc/*": path}).for_image(IMAGE)
    assert str(caught.value).startswith("the interpreter of image 'abeja-inc/all-cpu:19.10'")
    assert str(path) in str(caught.value)


def test_the_oldest_that_jobs_run_in(program: Callable[..., Path]) -> None:
    """3.6 is old enough for the platform's templates."""
    python = program("python", "echo python 3 6 0 cpython")
    assert Interpreters(python).for_image(IMAGE) == python


def test_what_is_not_there(tmp_path: Path) -> None:
    """Neither is a folder an interpreter, nor a file that the system cannot start."""
    with pytest.raises(InterpreterError, match=r"the interpreter of jobs is '.*/none', and .*/none does not exist"):
        Interpreters(tmp_path / "none").for_image(IMAGE)
    with pytest.raises(InterpreterError, match="is a folder; name the program in it, bin/python"):
        Interpreters(tmp_path).for_image(IMAGE)
    (tmp_path / "junk").write_bytes(b"\x00\x01")
    (tmp_path / "junk").chmod(0o755)
    with pytest.raises(InterpreterError, match="cannot be started: Exec format error; name another"):
        Interpreters(tmp_path / "junk").for_image(IMAGE)


@pytest.mark.parametrize("entry", [{"": "python"}, {"abeja-inc/*": ""}, {"abeja-inc/*": "  "}])
def test_entries_that_say_nothing(entry: dict[str, str]) -> None:
    """They are refused when they are read, not when the first job comes."""
    with pytest.raises(InterpreterError, match="name both"):
        Interpreters(by_image=entry)


def test_callings_by_configuration() -> None:
    """They lie over what an image's name says, nearest first."""
    callings = {"custom/*": "object", "custom/*/script:*": "script", "abeja-inc/all-cpu:18.10": "dict"}
    interpreters = Interpreters(callings=callings)
    assert interpreters.calling_of("custom/1234567890123/mine:1") is Calling.OBJECT
    assert interpreters.calling_of("custom/1234567890123/script:1") is Calling.SCRIPT
    assert interpreters.calling_of("abeja-inc/all-cpu:18.10") is Calling.DICT
    assert interpreters.calling_of("abeja-inc/all-gpu:18.10") is Calling.OBJECT


def test_a_calling_that_does_not_exist() -> None:
    """It says which there are."""
    with pytest.raises(InterpreterError, match=r"'custom/[*]' has the calling 'context'; .* object, dict, script"):
        Interpreters(callings={"custom/*": "context"})


@given(image=st.text(min_size=1, alphabet="abc/:.-[]?*019"))
def test_without_configuration_the_name_decides(image: str) -> None:
    """Whatever stands in an image's name, an entry of that very name is its own."""
    assert Interpreters().calling_of(image) is calling_of(image)
    assert Interpreters(callings={"*": "dict", image: "script"}).calling_of(image) is Calling.SCRIPT
