"""How the launcher begins: its bytecode is kept where it can be, and a handler sees nothing of that."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.runtime.child_process import LAUNCHER
from abeja_emulator.runtime.launcher import abeja_emulator_launcher as launcher
from tests.runtime.test_launcher import AHEAD, MINORS, interpreter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Says what it can see of the launcher.
PROBE = """
    import __main__, json, pickle, sys
    def handler(context):
        try:
            pickle.dumps(context)
        except Exception as error:
            refused = str(error)
        print(json.dumps({
            "modules": sorted(name for name in sys.modules if name != "importlib.machinery"),
            "path": sys.path,
            "arguments": len(sys.argv),
            "main": sorted(vars(__main__)),
            "started": __main__.__file__ == sys.argv[0],
            "context": [repr(type(context)), refused],
            "writes": sys.dont_write_bytecode,
        }))
"""


@pytest.fixture(params=MINORS, ids=lambda minor: f"3.{minor}")
def python(request: pytest.FixtureRequest) -> str:
    """Each Python from 3.6 to 3.13 that is here."""
    path = interpreter(request.param)
    if path is None:
        pytest.skip(f"there is no Python 3.{request.param} here")
    return path


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A launcher that was installed just now, under a name with spaces; the file it is started with."""
    folder = tmp_path / "where it lies ü" / "launcher"
    shutil.copytree(LAUNCHER.parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder / LAUNCHER.name


def begin(started: Path, source: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the handler of a source directory with a launcher that is started with that file."""
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONIOENCODING": "utf-8", "HANDLER": "train:handler"}
    return subprocess.run(
        [*command, str(started)],
        cwd=source,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def kept(started: Path) -> list[Path]:
    """Return the bytecode that lies beside a launcher."""
    return list((started.parent / "__pycache__").glob("*.pyc"))


def test_bytecode_is_kept_and_used(python: str, installed: Path, write: Callable[..., Path]) -> None:
    """The second start reads no source: one of the same size and age that is nonsense does no harm."""
    source = write("train.py", "def handler(context): print('ran')").parent
    assert begin(installed, source, python).stdout == "ran\n"
    (bytecode,) = kept(installed)
    assert bytecode.name.startswith("abeja_emulator_launcher.")
    text = installed.with_name("abeja_emulator_launcher.py")
    age = text.stat()
    text.write_bytes(b"(" * age.st_size)
    os.utime(text, ns=(age.st_atime_ns, age.st_mtime_ns))
    again = begin(installed, source, python)
    assert (again.returncode, again.stdout, again.stderr) == (0, "ran\n", "")


def test_bytecode_that_is_out_of_date_is_not_used(installed: Path, write: Callable[..., Path]) -> None:
    """Another version of the package runs as it is."""
    source = write("train.py", "def handler(context): print('ran')").parent
    begin(installed, source, sys.executable)
    text = installed.with_name("abeja_emulator_launcher.py")
    text.write_text("print('another')\n")
    assert begin(installed, source, sys.executable).stdout == "another\n"


def test_it_runs_where_no_bytecode_can_be_kept(python: str, installed: Path, write: Callable[..., Path]) -> None:
    """As in a folder that cannot be written, which is no hindrance to the user that tests run as in a container."""
    (installed.parent / "__pycache__").write_text("no folder")
    done = begin(installed, write("train.py", "def handler(context): print('ran')").parent, python)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


def test_bytecode_that_is_broken_does_no_harm(installed: Path, write: Callable[..., Path]) -> None:
    """As one that is of another kind, or was cut off: it is made anew."""
    source = write("train.py", "def handler(context): print('ran')").parent
    begin(installed, source, sys.executable)
    (bytecode,) = kept(installed)
    whole = bytecode.read_bytes()
    for part in (b"", b"\0" * 16, whole[:8]):
        bytecode.write_bytes(part)
        done = begin(installed, source, sys.executable)
        assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")
        assert len(bytecode.read_bytes()) == len(whole)


def test_who_wants_no_bytecode_gets_none(python: str, installed: Path, write: Callable[..., Path]) -> None:
    """By the variable or by the option of Python; the handler finds both as they were."""
    source = write("train.py", "import sys\ndef handler(context): print(sys.dont_write_bytecode)").parent
    assert begin(installed, source, python, PYTHONDONTWRITEBYTECODE="1").stdout == "True\n"
    assert begin(installed, source, python, "-B").stdout == "True\n"
    assert kept(installed) == []


@pytest.mark.parametrize("options", [[], ["-I"], ["-OO"]], ids=["plain", "isolated", "optimized"])
def test_a_handler_sees_what_it_would_without(
    python: str, options: list[str], installed: Path, write: Callable[..., Path]
) -> None:
    """Names, path, `__main__`, and whose the context is, are those of a launcher that is started by itself."""
    source = write("train.py", PROBE).parent
    settings = {launcher.CALLING: "object", launcher.RANDOM_SEED: "1", launcher.CLOCK_OFFSET: repr(AHEAD)}
    direct = installed.with_name("abeja_emulator_launcher.py")
    # The first of the two leaves the handler's bytecode, which changes what is imported.
    done = [begin(started, source, python, *options, **settings) for started in (direct, direct, installed)][1:]
    assert [each.stderr for each in done] == ["", ""]
    by_itself, begun = [json.loads(each.stdout) for each in done]
    assert begun == by_itself
    assert begun["started"]
    assert begun["path"][0] == ""
    assert not [name for name in begun["modules"] if name.startswith("abeja_emulator")]


def test_a_link_to_the_started_file_leads_to_the_launcher(
    installed: Path, write: Callable[..., Path], tmp_path: Path
) -> None:
    """Wherever the link lies; as Python itself takes the folder of a program."""
    link = tmp_path / "elsewhere.py"
    link.symlink_to(installed)
    done = begin(link, write("train.py", "def handler(context): print('ran')").parent, sys.executable)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")
